import { Cell, type Run, type UnitSource } from './cell.js';
import { LoadError, type Hooks, type Ivm, type Reference } from './engine.js';
import { frameType, type FrameWriter } from './frames.js';
import { inspectSource } from './inspect.js';

interface LimitNumbers {
  cpuMs: number;
  timeoutMs: number;
}

const provenAfterRuns = 20;

/** First letter of a `done` frame. */
export type DoneLetter = 's' | 'f' | 't' | 'm' | 'x';

const escapeText = (code: string, message: string) => JSON.stringify({ code, message });

/** Enters isolates for runs, answers, and timers, each under what is left of the run's own time. */
export class Pump {
  readonly #ivm: Ivm;
  readonly #writer: FrameWriter;
  readonly #units = new Map<number, UnitSource>();
  readonly #cells = new Map<number, Cell>();
  readonly #runs = new Map<number, Run>();
  readonly #limits = new Map<string, LimitNumbers>();
  readonly #options = { timeout: 1 };
  /** Runs of code that has not shown yet that it comes back: one a turn, after all earlier answers have left. */
  readonly #careful = new Map<number, string>();
  #newestRun = 0;
  #marked = 0;
  #markedNewest = 0;
  #touched = new Set<Cell>();
  #checking = false;

  constructor(ivm: Ivm, writer: FrameWriter) {
    this.#ivm = ivm;
    this.#writer = writer;
  }

  /** One isolate made and thrown away, so that the first plugin does not pay for what is lazy in the engine. */
  warmUp(): void {
    const cell = new Cell(
      this.#ivm,
      { memoryMb: 16, isolation: 'isolate', filename: 'warm.js', code: 'exports.f = () => 1' },
      this.#hooks,
    );
    cell.instance(1_000);
    cell.dispose();
  }

  handle(id: number, type: number, payload: string): void {
    switch (type) {
      case frameType.run:
        return this.#receive(id, payload);
      case frameType.reply:
        return this.#deliver(id, payload);
      case frameType.load:
        this.#units.set(id, JSON.parse(payload) as UnitSource);
        return;
      case frameType.unload:
        return this.#unload(id);
      case frameType.cancel:
        return this.#cancel(id);
      case frameType.inspect:
        return this.#inspect(id, payload);
      case frameType.ping:
        return this.#writer.send(id, frameType.pong, '');
    }
  }

  #receive(no: number, payload: string): void {
    const cell = this.#cells.get(Number(payload.slice(0, payload.indexOf(' '))));
    if (cell && !cell.spoilt && cell.settled >= provenAfterRuns) return this.#start(no, payload);
    this.#careful.set(no, payload);
    if (this.#careful.size === 1) setImmediate(this.#startCarefully);
  }

  /** Were a run to take the worker with it, answers not yet written would be lost with it. */
  readonly #startCarefully = (): void => {
    setImmediate(() => {
      this.#writer.flush();
      const next = this.#careful.entries().next().value;
      if (!next) return;
      const [no, payload] = next;
      this.#careful.delete(no);
      if (this.#careful.size > 0) setImmediate(this.#startCarefully);
      this.#start(no, payload);
    });
  };

  /** Payload: `unit deadline lengths-of-handler-limits-context shared \n handler limits context input`. */
  #start(no: number, payload: string): void {
    const lineEnd = payload.indexOf('\n');
    const head = payload.slice(0, lineEnd).split(' ');
    const unitNo = Number(head[0]);
    const deadline = Number(head[1]);
    const limitsAt = lineEnd + 1 + Number(head[2]);
    const contextAt = limitsAt + Number(head[3]);
    const inputAt = contextAt + Number(head[4]);
    const limitsText = payload.slice(limitsAt, contextAt);
    const limits = this.#limitsOf(limitsText);
    const left = deadline - Date.now();
    // Too late to start: the supervisor has answered or is about to.
    if (left <= 0) return this.#writer.send(no, frameType.done, 't0 0 0 0 0\n');
    const unit = this.#units.get(unitNo);
    if (!unit) return this.#writer.send(no, frameType.done, 'x0 0 0 0 0\n');

    this.#newestRun = no;
    const cell = this.#cell(unitNo, unit);
    const run: Run = {
      no,
      cell,
      instance: undefined,
      deadline,
      shared: head[5] === '1',
      cpuMs: limits.cpuMs,
      cpuUsedMs: 0,
      timeoutMs: limits.timeoutMs,
      pending: 0,
      timers: undefined,
      hostCalls: 0,
      startedAt: performance.now(),
      bytesIn: payload.length - inputAt,
    };
    this.#runs.set(no, run);
    cell.runs.set(no, run);
    this.#mark(no, run.shared);
    const before = cell.cpuMs();
    try {
      run.instance = cell.instance(Math.min(left, limits.cpuMs));
    } catch (error) {
      run.cpuUsedMs += cell.cpuMs() - before;
      return this.#failedToLoad(run, error);
    }
    run.cpuUsedMs += cell.cpuMs() - before;
    this.#enter(run, run.instance.run, [
      no,
      payload.slice(lineEnd + 1, limitsAt),
      payload.slice(contextAt, inputAt),
      payload.slice(inputAt),
      limitsText,
    ]);
  }

  #limitsOf(text: string): LimitNumbers {
    let limits = this.#limits.get(text);
    if (!limits) {
      if (this.#limits.size > 100) this.#limits.clear();
      limits = JSON.parse(text) as LimitNumbers;
      this.#limits.set(text, limits);
    }
    return limits;
  }

  #cell(unitNo: number, unit: UnitSource): Cell {
    let cell = this.#cells.get(unitNo);
    if (!cell || cell.spoilt || cell.isolate.isDisposed) {
      cell = new Cell(this.#ivm, unit, this.#hooks);
      this.#cells.set(unitNo, cell);
    }
    return cell;
  }

  /** The supervisor reads which run is inside when this process has stopped answering. One run alone needs no mark. */
  #mark(no: number, shared: boolean): void {
    if ((no === this.#marked && this.#newestRun === this.#markedNewest) || !(shared || this.#runs.size > 1))
      return;
    this.#marked = no;
    this.#markedNewest = this.#newestRun;
    process.title = `${no} ${this.#newestRun} `;
  }

  #enter(run: Run, entry: Reference, args: unknown[]): void {
    const cpuLeft = run.cpuMs - run.cpuUsedMs;
    const left = Math.min(cpuLeft, run.deadline - Date.now());
    if (left <= 0) return this.#timedOut(run, cpuLeft <= 0);
    this.#mark(run.no, run.shared);
    const { cell } = run;
    const before = cell.cpuMs();
    this.#options.timeout = Math.ceil(left);
    try {
      entry.applySync(undefined, args as never[], this.#options);
      run.cpuUsedMs += cell.cpuMs() - before;
    } catch (error) {
      run.cpuUsedMs += cell.cpuMs() - before;
      this.#brokenOff(run, error);
    }
    this.#touched.add(cell);
    if (this.#checking) return;
    this.#checking = true;
    setImmediate(this.#checkSoon);
  }

  /** An entry ended by an exception: the time limit, the memory limit, or a promise nobody handled. */
  #brokenOff(run: Run, error: unknown): void {
    const message = error instanceof Error ? error.message : '';
    if (run.cell.isolate.isDisposed) return this.#lostIsolate(run);
    if (message === 'Script execution timed out.') {
      run.cell.spoilt = true;
      return this.#timedOut(run, run.cpuUsedMs >= run.cpuMs - 5);
    }
    this.#hooks.log(run.no, 2, `Unhandled promise rejection: ${message.slice(0, 1_000)}`, '');
  }

  #timedOut(run: Run, byCpu: boolean): void {
    const [limit, value] = byCpu ? ['cpuMs', run.cpuMs] : ['timeoutMs', run.timeoutMs];
    this.#done(
      run,
      't',
      JSON.stringify({
        code: 'EXECUTION_TIMED_OUT',
        message: `The execution went over its ${limit} of ${value} ms`,
        details: {
          limit,
          value,
          used: Math.round(byCpu ? run.cpuUsedMs : performance.now() - run.startedAt),
        },
      }),
    );
  }

  /** V8 threw the isolate away: the run inside is to blame, the others in it are lost with it. */
  #lostIsolate(guilty: Run): void {
    const { cell } = guilty;
    cell.spoilt = true;
    cell.heapMb = cell.unit.memoryMb;
    this.#done(guilty, 'm', '');
    for (const run of [...cell.runs.values()]) this.#done(run, 'x', '');
  }

  #failedToLoad(run: Run, error: unknown): void {
    run.cell.spoilt = true;
    const message = String((error as Error | undefined)?.message ?? '').slice(0, 2_000);
    if (run.cell.isolate.isDisposed) return this.#lostIsolate(run);
    if (message === 'Script execution timed out.') return this.#timedOut(run, true);
    const code = error instanceof LoadError ? error.code : 'MAIN_INVALID';
    const name = error instanceof LoadError ? '' : `${(error as Error | undefined)?.name ?? 'Error'}: `;
    this.#done(run, 'f', escapeText(code, `The main file failed to load: ${name}${message}`));
  }

  readonly #hooks: Hooks = {
    post: (kind, no, a, b, text) => {
      const run = this.#runs.get(no);
      if (!run) return;
      switch (kind) {
        case 0:
          return this.#done(run, 's', text);
        case 1:
          return this.#done(run, 'f', text);
        case 2:
          run.pending++;
          run.hostCalls++;
          return this.#writer.send(no, frameType.call, `${a} ${b}\n${text}`);
        case 3:
          return this.#setTimer(run, a, Number(b));
        case 4:
          return this.#clearTimer(run, a);
        case 5:
          return this.#writer.send(no, frameType.limit, `${a} ${b} ${text}`);
      }
    },
    log: (no, level, line, fields) => {
      if (this.#runs.has(no))
        this.#writer.send(no, frameType.log, `${level} ${line.length}\n${line}${fields}`);
    },
  };

  #setTimer(run: Run, id: number, delayMs: number): void {
    run.timers ??= new Map();
    run.pending++;
    const repeats = delayMs < 0;
    const fire = () => {
      if (!this.#runs.has(run.no) || !run.instance) return;
      if (repeats) run.timers?.get(id)?.refresh();
      else this.#clearTimer(run, id);
      this.#enter(run, run.instance.fire, [run.no, id]);
    };
    run.timers.set(id, setTimeout(fire, Math.abs(delayMs)));
  }

  #clearTimer(run: Run, id: number): void {
    const timer = run.timers?.get(id);
    if (!timer) return;
    clearTimeout(timer);
    run.timers?.delete(id);
    run.pending--;
  }

  /** Payload: `call id, 1 or 0 for ok \n JSON`. */
  #deliver(no: number, payload: string): void {
    const run = this.#runs.get(no);
    if (!run?.instance) return;
    run.pending--;
    const lineEnd = payload.indexOf('\n');
    const space = payload.indexOf(' ');
    const callId = Number(payload.slice(0, space));
    run.bytesIn += payload.length - lineEnd - 1;
    this.#enter(run, run.instance.deliver, [
      no,
      callId,
      payload.charCodeAt(space + 1) === 49,
      payload.slice(lineEnd + 1),
    ]);
  }

  #cancel(no: number): void {
    this.#careful.delete(no);
    const run = this.#runs.get(no);
    if (!run) return this.#writer.send(no, frameType.done, 'x0 0 0 0 0\n');
    if (run.instance && !run.cell.isolate.isDisposed) {
      try {
        run.instance.drop.applySync(undefined, [no] as never[], { timeout: 50 });
      } catch {
        run.cell.spoilt = true;
      }
    }
    this.#done(run, 'x', '');
  }

  #unload(unitNo: number): void {
    this.#units.delete(unitNo);
    const cell = this.#cells.get(unitNo);
    this.#cells.delete(unitNo);
    if (!cell) return;
    cell.spoilt = true;
    if (cell.runs.size === 0) cell.dispose();
  }

  #inspect(no: number, payload: string): void {
    this.#newestRun = no;
    this.#mark(no, true);
    this.#writer.send(no, frameType.done, `s0 0 0 0 0\n${inspectSource(this.#ivm, payload)}`);
  }

  /** Payload: `letter cpuUs wallUs heapKb hostCalls bytesIn \n text`. */
  #done(run: Run, letter: DoneLetter, text: string): void {
    if (!this.#runs.delete(run.no)) return;
    const now = performance.now();
    const wallUs = ((now - run.startedAt) * 1_000) | 0;
    const heapKb = (run.cell.sampleHeap(now) * 1_024) | 0;
    if (letter === 's' || letter === 'f') run.cell.settled++;
    run.cell.forget(run);
    this.#writer.send(
      run.no,
      frameType.done,
      `${letter}${(run.cpuUsedMs * 1_000) | 0} ${wallUs} ${heapKb} ${run.hostCalls} ${run.bytesIn}\n${text}`,
    );
  }

  /** Two turns later all that the entries posted has arrived: a run that waits for nothing can never finish. */
  readonly #checkSoon = (): void => {
    const cells = this.#touched;
    this.#touched = new Set();
    setImmediate(() => {
      for (const cell of cells) {
        if (cell.runs.size === 0 || this.#touched.has(cell) || cell.pending > 0) continue;
        for (const run of [...cell.runs.values()]) {
          this.#done(
            run,
            'f',
            escapeText('NEVER_SETTLES', 'The handler can never finish: nothing is pending'),
          );
        }
      }
      this.#checking = this.#touched.size > 0;
      if (this.#checking) setImmediate(this.#checkSoon);
    });
  };
}
