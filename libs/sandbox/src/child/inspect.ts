import { Cell, type Workshop } from './cell.js';
import { entryOf } from './engine.js';
import { LoadError } from './plugin-code.js';

interface Question {
  filename: string;
  code: string;
  names: string[];
  memoryMb: number;
  timeoutMs: number;
}

/** Three lines around the place, with a caret under it. */
export function codeFrame(code: string, line: number, column: number): string {
  const lines = code.split('\n');
  const shown: string[] = [];
  for (let at = Math.max(1, line - 1); at <= Math.min(lines.length, line + 1); at++) {
    // Minified files have one endless line: cut it around the column.
    const from = at === line ? Math.max(0, column - 60) : 0;
    shown.push(`${String(at).padStart(5)} | ${(lines[at - 1] ?? '').slice(from, from + 120)}`);
    if (at === line) shown.push(`      | ${' '.repeat(Math.max(0, column - 1 - from))}^`);
  }
  return shown.join('\n');
}

/** Loads a file in an isolate of its own and says, as JSON, what can be called in it or why it does not load. */
export function inspectSource(workshop: Workshop, payload: string): string {
  const question = JSON.parse(payload) as Question;
  const cell = new Cell(workshop, { ...question, isolation: 'isolate' });
  try {
    const instance = cell.instance(question.timeoutMs);
    const answer = entryOf(instance, 'inspect').applySync(
      undefined,
      [JSON.stringify(question.names)] as never[],
      {
        timeout: question.timeoutMs,
      },
    );
    return answer as unknown as string;
  } catch (error) {
    return JSON.stringify({ error: describe(error, question, cell.isolate.isDisposed) });
  } finally {
    cell.dispose();
  }
}

function describe(error: unknown, question: Question, disposed: boolean): object {
  const message = String((error as Error | undefined)?.message ?? 'unknown').slice(0, 2_000);
  if (disposed || /memory limit|disposed|allocation failed/i.test(message)) {
    return { code: 'OUT_OF_MEMORY', message: `Loading the file went over ${question.memoryMb} MB` };
  }
  if (message === 'Script execution timed out.') {
    return { code: 'EXECUTION_TIMED_OUT', message: `Loading the file took over ${question.timeoutMs} ms` };
  }
  const place =
    / \[(?:.*):(\d+):(\d+)\]$/.exec(message) ??
    new RegExp(`${escapeRegExp(question.filename)}:(\\d+):(\\d+)`).exec(String((error as Error).stack));
  const line = place ? Number(place[1]) : undefined;
  const column = place ? Number(place[2]) : undefined;
  return {
    code: error instanceof LoadError ? error.code : 'MAIN_INVALID',
    message: `${error instanceof LoadError ? '' : `${(error as Error).name}: `}${message.replace(/ \[[^\]]*:\d+:\d+\]$/, '')}`,
    file: question.filename,
    ...(line !== undefined &&
      column !== undefined && { line, column, frame: codeFrame(question.code, line, column) }),
  };
}

const escapeRegExp = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
