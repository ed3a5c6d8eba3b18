import { cipherQuestions } from './cipher.js';
import { keyQuestions } from './keys.js';
import { Refused } from './refused.js';
import { signatureQuestions } from './signature.js';
import { textQuestions } from './text.js';
import { urlQuestions } from './url.js';

/** @param args what the JSON of the question's first line holds @param rest all after that line */
export type Question = (args: readonly unknown[], rest: string) => string;

const mostChars = 16 * 1_048_576 + 65_536;

const questions = new Map<string, Question>([
  ['now', () => String(Date.now())],
  ...Object.entries({
    ...urlQuestions,
    ...textQuestions,
    ...cipherQuestions,
    ...keyQuestions,
    ...signatureQuestions,
  }),
]);

/**
 * Answers what a plugin's runtime asks of the process it is in, at once: work on texts that Node does exactly and fast,
 * and that would cost each isolate large libraries. It reaches no capability and keeps nothing between questions. The
 * text comes from a plugin, who may ask anything: each answer takes time in proportion to the question, nothing throws.
 *
 * A question is `name`, or `name JSON-array`, or either with `\n` and more text; bytes are one character each.
 * @returns `+` and the answer, or `-` with the name of an error and its message
 */
export function answer(question: unknown): string {
  if (typeof question !== 'string') return '-TypeError A question is a text';
  if (question.length > mostChars) return '-QuotaExceededError The data is too large: 16 MB at most';
  const lineEnd = question.indexOf('\n');
  const line = lineEnd < 0 ? question : question.slice(0, lineEnd);
  const space = line.indexOf(' ');
  const ask = questions.get(space < 0 ? line : line.slice(0, space));
  if (!ask) return '-TypeError There is no such question';
  try {
    const args: unknown = space < 0 ? [] : JSON.parse(line.slice(space + 1));
    if (!Array.isArray(args)) return '-TypeError The arguments of a question are a list';
    return `+${ask(args, lineEnd < 0 ? '' : question.slice(lineEnd + 1))}`;
  } catch (error) {
    return error instanceof Refused ? `-${error.name} ${error.message}` : '-OperationError It failed';
  }
}
