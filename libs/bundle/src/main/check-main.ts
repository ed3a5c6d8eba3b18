import { Worker } from 'node:worker_threads';
import type { FieldError } from '@mortise/contracts';
import { codeFrame, placeAt } from '../manifest/text-place.js';
import { parseMain } from './parse-main.js';

/** What the parser thread found; offsets count from the start of the code. */
export interface MainFinding {
  kind: 'syntax' | 'import' | 'export-from' | 'dynamic-import' | 'require';
  /** The module that is named, or the parser's message. */
  what: string;
  offset: number;
}
export interface ParsedMain {
  format: 'module' | 'commonjs';
  findings: MainFinding[];
}

/** Above this a main is advised to slim: it is compiled at each cold start. */
export const mainBytesAdvised = 250 * 1_024;
/** Above this a main is refused. */
export const mainBytesMax = 4 * 1_024 * 1_024;

/** What is this short is parsed within some 30 ms, whatever it holds; starting a thread takes as long. */
const harmlessLength = 16 * 1_024;
const parseTimeoutMs = 20_000;
const parseMemoryMb = 1_024;
const findingsMax = 20;
// Beside this file is the parser as source under test and as JavaScript when built.
const parser = import.meta.url.endsWith('.ts')
  ? new URL('./parse-main.ts', import.meta.url)
  : new URL('./parse-main.js', import.meta.url);

/**
 * Checks that the main file parses and reaches for no other module. Hostile code can make a parser slow or large, so
 * it runs in a thread with a memory cap and a deadline, and the caller's event loop stays free.
 */
export async function checkMain(file: string, code: string): Promise<FieldError[]> {
  const outcome = code.length <= harmlessLength ? parseMain(code) : await parseInThread(code);
  if (typeof outcome === 'string') return [{ file, pointer: '', message: outcome, rule: 'main-parse' }];
  return outcome.findings.slice(0, findingsMax).map(({ kind, what, offset }) => {
    const place = placeAt(code, offset);
    return {
      file,
      pointer: '',
      message: message(kind, what),
      rule: `main-${kind}`,
      ...place,
      frame: codeFrame(code, place),
    };
  });
}

function message(kind: MainFinding['kind'], what: string): string {
  const target = what === '' ? 'a module' : `"${what}"`;
  switch (kind) {
    case 'syntax':
      return `syntax error: ${what}`;
    case 'import':
      return `${target} is imported here, and main must be one file without imports: bundle it in (mortise build does)`;
    case 'export-from':
      return `${target} is re-exported here, and main must be one file without imports: bundle it in (mortise build does)`;
    case 'dynamic-import':
      return `${target} is imported at run time here, and main must be one file without imports: import it at the top of the source and bundle it in (mortise build does)`;
    case 'require':
      return `${target} is required here, and main must be one file without imports: bundle it in (mortise build does); Node's own modules do not exist in the sandbox`;
  }
}

function parseInThread(code: string): Promise<ParsedMain | string> {
  const worker = new Worker(parser, {
    workerData: { code },
    env: {},
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: parseMemoryMb, stackSizeMb: 4 },
  });
  return new Promise<ParsedMain | string>((resolve) => {
    const deadline = setTimeout(() => resolve('it takes too long to parse'), parseTimeoutMs);
    worker
      .once('message', resolve)
      .once('error', () => resolve('it takes too much memory to parse'))
      .once('exit', () => clearTimeout(deadline));
  }).finally(() => worker.terminate());
}
