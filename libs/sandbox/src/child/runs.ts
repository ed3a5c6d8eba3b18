import type { Cell, Run } from './cell.js';
import type { Engine } from './engine.js';
import { frameType, type FrameWriter } from './frames.js';
import { LoadError } from './plugin-code.js';

/** Answers that wait for the end of the turn do not wait behind an entry longer than this. */
export const longEntryMs = 1;
/** What isolated-vm says when an entry is over its time. */
export const timeIsUp = 'Script execution timed out.';
const keepCodeAfterMs = 20;

/** First letter of a `done` frame. */
export type DoneLetter = 's' | 'f' | 't' | 'm' | 'x';

const errorText = (code: string, message: string, details?: object) =>
  JSON.stringify({ code, message, details });

/** The runs under way in this worker, and how each of them ends. */
export class Runs {
  readonly #byNo = new Map<number, Run>();
  readonly #engine: Engine;
  readonly #writer: FrameWriter;

  constructor(engine: Engine, writer: FrameWriter) {
    this.#engine = engine;
    this.#writer = writer;
  }

  get size(): number {
    return this.#byNo.size;
  }

  get(no: number): Run | undefined {
    return this.#byNo.get(no);
  }

  has(run: Run): boolean {
    return this.#byNo.has(run.no);
  }

  add(run: Run): void {
    this.#byNo.set(run.no, run);
    run.cell.runs.set(run.no, run);
  }

  /** Payload: `letter, cpuUs wallUs heapKb hostCalls bytesIn longestUs \n text`. */
  done(run: Run, letter: DoneLetter, text: string): void {
    if (!this.#byNo.delete(run.no)) return;
    const now = performance.now();
    const { cell } = run;
    const wallUs = ((now - run.startedAt) * 1_000) | 0;
    const heapKb = (cell.sampleHeap(now) * 1_024) | 0;
    if ((letter === 's' || letter === 'f') && ++cell.settled === 1)
      setTimeout(() => cell.keepCode(), keepCodeAfterMs);
    const quick = (letter === 's' || letter === 'f') && run.longestMs <= longEntryMs;
    cell.quickRuns = quick ? cell.quickRuns + 1 : 0;
    cell.forget(run);
    const cpuUs = (run.cpuUsedMs * 1_000) | 0;
    this.#writer.send(
      run.no,
      frameType.done,
      `${letter} ${cpuUs} ${wallUs} ${heapKb} ${run.hostCalls} ${run.bytesIn} ${(run.longestMs * 1_000) | 0}\n${text}`,
    );
  }

  /** All that an entry leads to without the host has happened when it returns: who waits for nothing waits for ever. */
  endStuck(cell: Cell): void {
    const text = errorText('NEVER_SETTLES', 'The handler can never finish: nothing is pending');
    for (const run of [...cell.runs.values()]) this.done(run, 'f', text);
  }

  timedOut(run: Run, byCpu: boolean): void {
    const [limit, value] = byCpu ? ['cpuMs', run.cpuMs] : ['timeoutMs', run.timeoutMs];
    const used = Math.round(byCpu ? run.cpuUsedMs : performance.now() - run.startedAt);
    const message = `The execution went over its ${limit} of ${value} ms`;
    this.done(run, 't', errorText('EXECUTION_TIMED_OUT', message, { limit, value, used }));
  }

  /** The isolate was thrown away: the run inside is to blame, the others in it are lost with it. */
  lostIsolate(guilty: Run): void {
    const { cell } = guilty;
    cell.spoilt = true;
    if (this.#engine.wasLate(cell.isolate)) {
      this.timedOut(guilty, guilty.cpuUsedMs >= guilty.cpuMs - 5);
    } else {
      cell.heapMb = cell.unit.memoryMb;
      this.done(guilty, 'm', '');
    }
    for (const run of [...cell.runs.values()]) this.done(run, 'x', '');
  }

  failedToLoad(run: Run, error: unknown): void {
    run.cell.spoilt = true;
    const message = String((error as Error | undefined)?.message ?? '').slice(0, 2_000);
    if (run.cell.isolate.isDisposed) return this.lostIsolate(run);
    if (message === timeIsUp) return this.timedOut(run, true);
    const code = error instanceof LoadError ? error.code : 'MAIN_INVALID';
    const name = error instanceof LoadError ? '' : `${(error as Error | undefined)?.name ?? 'Error'}: `;
    this.done(run, 'f', errorText(code, `The main file failed to load: ${name}${message}`));
  }
}
