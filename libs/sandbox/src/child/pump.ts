import { Cell, type Run, type UnitSource, type Workshop } from './cell.js';
import { Engine, entryOf, type Instance, type Ivm, type Reference } from './engine.js';
import { frameType, type FrameWriter } from './frames.js';
import { collected, Hearing } from './hearing.js';
import { inspectSource } from './inspect.js';
import type { Mark } from './mark.js';
import { readNumbers } from './numbers.js';
import { PluginCode } from './plugin-code.js';
import { rehearse } from './rehearsal.js';
import { longEntryMs, Runs, timeIsUp } from './runs.js';
import { Stock } from './stock.js';
import { entryOfAll, Together, togetherMs, type Arrived, type KnownLimits } from './together.js';
import { WasmCode } from './wasm-code.js';

const provenAfterRuns = 20;
/** Of a run; the shim, which counts lines, does not see them. */
const rejectionsTold = 5;
const nothing = ' 0 0 0 0 0 0\n';

/** Adds the entry that has just ended to what its run has used. */
function charge(run: Run, usedMs = run.cell.cpuSinceMs()): number {
  run.cpuUsedMs += usedMs;
  if (usedMs > run.longestMs) run.longestMs = usedMs;
  return usedMs;
}

/** @returns what the instance has to be told of the limits of the run that enters it; empty: it knows them */
const limitsToTell = (instance: Instance, limits: KnownLimits): string =>
  instance.limits === limits ? '' : limits.text;

/** Enters isolates for runs, answers, and timers, each under what is left of the run's own time. */
export class Pump {
  readonly #writer: FrameWriter;
  readonly #mark: Mark | undefined;
  readonly #workshop: Workshop;
  readonly #units = new Map<number, UnitSource>();
  readonly #limits = new Map<number, KnownLimits>();
  readonly #cells = new Map<number, Cell>();
  readonly #runs: Runs;
  readonly #hearing: Hearing;
  readonly #together = new Together();
  readonly #options = { timeout: 1 };
  readonly #head = [0, 0, 0, 0, 0, 0];
  #newestRun = 0;

  constructor(ivm: Ivm, writer: FrameWriter, mark?: Mark) {
    this.#writer = writer;
    this.#mark = mark;
    const engine = new Engine(ivm);
    this.#runs = new Runs(engine, writer);
    this.#hearing = new Hearing(this.#runs, writer, (run, timer) => this.#fire(run, timer));
    const { tell } = this.#hearing;
    const tellBlanks = (count: number) => writer.send(count, frameType.blanks, '');
    this.#workshop = {
      engine,
      tell,
      plugins: new PluginCode(),
      wasm: new WasmCode(ivm),
      stock: new Stock(engine, tell, tellBlanks),
    };
  }

  /** Makes the first blank isolates, and with them what is lazy in the engine, before the first plugin comes. */
  warmUp(memoryMb: number): void {
    rehearse(this.#workshop.engine);
    this.#workshop.stock.expect(memoryMb);
  }

  /** All frames that had come are handled: nobody waits for company any longer. */
  endTurn(): void {
    if (this.#together.size > 0) this.#enterTogether();
  }

  /** `endTurn` has to follow the last one. */
  handle(id: number, type: number, payload: string): void {
    if (type === frameType.run) return this.#start(id, payload);
    this.endTurn();
    switch (type) {
      case frameType.reply:
        return this.#deliver(id, payload);
      case frameType.load:
        return this.#load(id, payload);
      case frameType.limits:
        this.#limits.set(id, {
          text: payload,
          ...(JSON.parse(payload) as { cpuMs: number; timeoutMs: number }),
        });
        return;
      case frameType.unload:
        return this.#unload(id);
      case frameType.cancel:
        return this.#cancel(id);
      case frameType.inspect:
        return this.#inspect(id, payload);
      case frameType.warm:
        return this.#warm(id, payload);
      case frameType.ping:
        return this.#writer.send(id, frameType.pong, '');
    }
  }

  /** Payload: `memoryMb, 1 for a fresh context per run, length of the file's name \n name code`. */
  #load(unitNo: number, payload: string): void {
    const head = this.#head;
    const nameAt = readNumbers(payload, 0, head);
    const codeAt = nameAt + (head[2] ?? 0);
    this.#units.set(unitNo, {
      memoryMb: head[0] ?? 0,
      isolation: head[1] === 1 ? 'execution' : 'isolate',
      filename: payload.slice(nameAt, codeAt),
      code: payload.slice(codeAt),
    });
  }

  /**
   * Payload: `unit limits deadline company lengths-of-handler-and-context \n handler context input`; company: 0 it comes
   * alone, 1 others are under way here, 2 it enters by itself.
   */
  #start(no: number, payload: string): void {
    const head = this.#head;
    const handlerAt = readNumbers(payload, 0, head);
    const [unitNo = 0, limitsNo = 0, deadline = 0, company = 0, handlerLength = 0, contextLength = 0] = head;
    const contextAt = handlerAt + handlerLength;
    const inputAt = contextAt + contextLength;
    const limits = this.#limits.get(limitsNo);
    const unit = this.#units.get(unitNo);
    if (!unit || !limits) return this.#writer.send(no, frameType.done, `x${nothing}`);
    const left = deadline - Date.now();
    // Too late to start: the supervisor has answered or is about to.
    if (left <= 0) return this.#writer.send(no, frameType.done, `t${nothing}`);

    const cell = this.#cell(unitNo, unit);
    const run: Run = {
      no,
      cell,
      instance: undefined,
      deadline,
      shared: company > 0,
      alone: company > 1,
      cpuMs: limits.cpuMs,
      cpuUsedMs: 0,
      longestMs: 0,
      timeoutMs: limits.timeoutMs,
      pending: 0,
      rejections: 0,
      timers: undefined,
      hostCalls: 0,
      startedAt: performance.now(),
      bytesIn: payload.length - inputAt,
    };
    this.#arrive({
      run,
      unitNo,
      limits,
      handler: payload.slice(handlerAt, contextAt),
      context: payload.slice(contextAt, inputAt),
      input: payload.slice(inputAt),
    });
  }

  #arrive(arrived: Arrived): void {
    const { run, unitNo } = arrived;
    if (!this.#together.takes(arrived)) {
      this.endTurn();
      run.cell = this.#cell(unitNo, run.cell.unit);
    }
    this.#runs.add(run);
    if (!this.#together.takes(arrived)) return this.#begin(arrived);
    if (this.#together.add(arrived)) this.#enterTogether();
  }

  #begin({ run, limits, handler, context, input }: Arrived): void {
    const { cell } = run;
    // Code that has not shown yet that it comes back may take the worker with it: no answer waits behind it.
    if (cell.settled < provenAfterRuns) this.#writer.flush();
    this.#newestRun = run.no;
    this.#markInside(run);
    try {
      run.instance = cell.instance(Math.max(1, Math.min(run.deadline - Date.now(), limits.cpuMs)));
    } catch (error) {
      run.cpuUsedMs += cell.cpuSinceMs();
      this.#hearing.forget();
      return this.#runs.failedToLoad(run, error);
    }
    // Loading is not what the function takes each time.
    if (cell.settled === 0) run.cpuUsedMs += cell.cpuSinceMs();
    const { instance } = run;
    const entered = this.#enter(run, instance.run, [
      run.no,
      handler,
      context,
      input,
      limitsToTell(instance, limits),
    ]);
    if (entered) instance.limits = limits;
  }

  #enterTogether(): void {
    const all = this.#together.take();
    const [first] = all;
    if (!first) return;
    const { run, limits } = first;
    const { cell } = run;
    const left = Math.min(...all.map(({ run: { deadline } }) => deadline)) - Date.now();
    if (all.length === 1 || Math.min(left, limits.cpuMs) <= togetherMs) return this.#beginEach(all);
    const last = all.at(-1)?.run.no ?? 0;
    this.#mark?.set(run.no, last, last);
    this.#options.timeout = togetherMs;
    const { engine } = this.#workshop;
    engine.until = Date.now() + Math.min(left, limits.cpuMs);
    // V8's clock stands still while this process works for them.
    engine.patientUntil = Date.now() + togetherMs;
    let said: string | undefined;
    try {
      const instance = cell.instance(togetherMs);
      for (const { run: each } of all) each.instance = instance;
      const args = entryOfAll(all, limitsToTell(instance, limits));
      instance.together.applySync(undefined, args as never[], this.#options);
      instance.limits = limits;
      if (Date.now() <= engine.patientUntil) said = collected(instance);
    } catch {
      // The same as when nobody knows who has said it.
    }
    engine.patientUntil = Infinity;
    if (said === undefined) return this.#beginAnew(all);
    const usedMs = cell.cpuSinceMs();
    for (const { run: each } of all) charge(each, usedMs / all.length);
    // From here on they have had effects.
    this.#newestRun = last;
    this.#mark?.set(run.no, last);
    this.#hearing.heed(cell, said);
    if (cell.runs.size > 0 && cell.pending === 0) this.#runs.endStuck(cell);
    if (usedMs > longEntryMs) this.#writer.flush();
  }

  /** Something went wrong or was said, and nobody knows in which of them: running each alone tells. */
  #beginAnew(all: readonly Arrived[]): void {
    const cell = (all[0] as Arrived).run.cell;
    this.#hearing.forget();
    cell.spoilt = cell.unit.apart = true;
    const usedMs = cell.cpuSinceMs();
    for (const { run } of all) {
      cell.runs.delete(run.no);
      run.cpuUsedMs = usedMs / all.length;
    }
    if (cell.isolate.isDisposed) for (const run of [...cell.runs.values()]) this.#runs.done(run, 'x', '');
    if (cell.runs.size === 0) cell.dispose();
    this.#beginEach(all);
  }

  /** One after the other; what the one before has spoilt the next one is not in. */
  #beginEach(all: readonly Arrived[]): void {
    for (const { run } of all) run.cell.runs.delete(run.no);
    for (const arrived of all) {
      const { run, unitNo } = arrived;
      run.cell = this.#cell(unitNo, run.cell.unit);
      run.cell.runs.set(run.no, run);
      this.#begin(arrived);
    }
  }

  #cell(unitNo: number, unit: UnitSource): Cell {
    let cell = this.#cells.get(unitNo);
    if (!cell || cell.spoilt || cell.isolate.isDisposed) {
      cell = new Cell(this.#workshop, unit);
      this.#cells.set(unitNo, cell);
    }
    return cell;
  }

  /** One run alone needs no mark: when this process has stopped answering there is nobody else to blame. */
  #markInside(run: Run): void {
    if (run.shared || this.#runs.size > 1) this.#mark?.set(run.no, this.#newestRun);
  }

  /** @returns whether it had time left to enter */
  #enter(run: Run, entry: Reference, args: unknown[]): boolean {
    const cpuLeft = run.cpuMs - run.cpuUsedMs;
    const left = Math.min(cpuLeft, run.deadline - Date.now());
    if (left <= 0) {
      this.#runs.timedOut(run, cpuLeft <= 0);
      return false;
    }
    this.#markInside(run);
    const { cell } = run;
    this.#options.timeout = Math.ceil(left);
    this.#workshop.engine.until = Date.now() + left;
    let usedMs = 0;
    let said: string | undefined;
    try {
      this.#apply(run, entry, args);
      usedMs = charge(run);
      said = collected(run.instance);
    } catch {
      usedMs += charge(run);
      this.#brokenOff(run);
    }
    if (said !== undefined) this.#hearing.heed(cell, said);
    if (cell.runs.size > 0 && cell.pending === 0) this.#runs.endStuck(cell);
    if (usedMs > longEntryMs) this.#writer.flush();
    return true;
  }

  /** @throws what broke the entry off; a promise that was rejected with nobody to handle it did not */
  #apply(run: Run, entry: Reference, args: unknown[]): void {
    try {
      entry.applySync(undefined, args as never[], this.#options);
    } catch (error) {
      const { message } = error as Error;
      if (run.cell.isolate.isDisposed || message === timeIsUp) throw error;
      if (++run.rejections > rejectionsTold) return;
      const line = `Unhandled promise rejection: ${message.slice(0, 1_000)}`;
      this.#writer.send(run.no, frameType.log, `2 ${line.length}\n${line}`);
    }
  }

  /** An entry ended by the time limit or the memory limit: only what it told at once counts. */
  #brokenOff(run: Run): void {
    this.#hearing.heedTold(run.cell);
    if (run.cell.isolate.isDisposed) return this.#runs.lostIsolate(run);
    run.cell.spoilt = true;
    this.#runs.timedOut(run, run.cpuUsedMs >= run.cpuMs - 5);
  }

  #fire(run: Run, id: number): void {
    if (!this.#runs.has(run) || !run.instance) return;
    let entry: Reference;
    try {
      entry = entryOf(run.instance, 'fire');
    } catch {
      return this.#brokenOff(run);
    }
    this.#enter(run, entry, [run.no, id]);
    entry.release();
  }

  /** Payload: `call id, 1 or 0 for ok \n JSON`. */
  #deliver(no: number, payload: string): void {
    const run = this.#runs.get(no);
    if (!run?.instance) return;
    run.cell.wait(run, -1);
    const head = this.#head;
    const jsonAt = readNumbers(payload, 0, head);
    run.bytesIn += payload.length - jsonAt;
    this.#enter(run, run.instance.deliver, [no, head[0], head[1] === 1, payload.slice(jsonAt)]);
  }

  #cancel(no: number): void {
    const run = this.#runs.get(no);
    if (!run) return this.#writer.send(no, frameType.done, `x${nothing}`);
    if (run.instance && !run.cell.isolate.isDisposed) {
      try {
        entryOf(run.instance, 'drop').applySync(undefined, [no] as never[], { timeout: 50 });
      } catch {
        run.cell.spoilt = true;
      }
      this.#hearing.forget();
    }
    this.#runs.done(run, 'x', '');
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
    this.#mark?.set(no, no);
    this.#writer.flush();
    const answer = inspectSource(this.#workshop, payload);
    this.#hearing.forget();
    this.#writer.send(no, frameType.done, `s${nothing}${answer}`);
  }

  /** Loads a unit ahead of its first run. Payload: `unit, most milliseconds`. */
  #warm(no: number, payload: string): void {
    const head = this.#head;
    readNumbers(payload, 0, head);
    const [unitNo = 0, timeoutMs = 1] = head;
    const unit = this.#units.get(unitNo);
    if (unit && unit.isolation === 'isolate' && !this.#cells.has(unitNo)) {
      this.#newestRun = no;
      this.#mark?.set(no, no);
      this.#writer.flush();
      const cell = this.#cell(unitNo, unit);
      try {
        cell.instance(timeoutMs);
        cell.cpuSinceMs();
      } catch {
        // The first run says what is wrong with the file.
        cell.spoilt = true;
        cell.dispose();
      }
      this.#hearing.forget();
    }
    this.#writer.send(no, frameType.done, `s${nothing}`);
  }
}
