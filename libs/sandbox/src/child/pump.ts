import { Cell, type Run, type UnitSource, type Workshop } from './cell.js';
import { Engine, entryOf, type Instance, type Ivm, type Reference } from './engine.js';
import { frameType, type FrameWriter } from './frames.js';
import { inspectSource } from './inspect.js';
import type { Mark } from './mark.js';
import { readNumbers } from './numbers.js';
import { LoadError, PluginCode } from './plugin-code.js';
import { Stock } from './stock.js';
import { clearTimer, setTimer } from './timers.js';
import { entryOfAll, Together, togetherMs, type Arrived, type KnownLimits } from './together.js';
import { WasmCode } from './wasm-code.js';

const provenAfterRuns = 20;
/** Answers that wait for the end of the turn do not wait behind an entry longer than this. */
const longEntryMs = 1;
const keepCodeAfterMs = 20;
/** Of a run; the shim, which counts lines, does not see them. */
const rejectionsTold = 5;
const timeIsUp = 'Script execution timed out.';
const nothing = ' 0 0 0 0 0 0\n';

/** First letter of a `done` frame. */
export type DoneLetter = 's' | 'f' | 't' | 'm' | 'x';

const errorText = (code: string, message: string, details?: object) =>
  JSON.stringify({ code, message, details });

/** Adds the entry that has just ended to what its run has used. */
function charge(run: Run, usedMs = run.cell.cpuSinceMs()): number {
  run.cpuUsedMs += usedMs;
  if (usedMs > run.longestMs) run.longestMs = usedMs;
  return usedMs;
}

/**
 * What an entry has said. The bridge's own code has to be stopped nowhere, so it is entered without a time limit, which
 * costs as much again.
 */
const collected = (instance: Instance | undefined): string | undefined =>
  instance?.collect.applySync(undefined, []) as unknown as string | undefined;

/** @returns what the instance has to be told of the limits of the run that enters it; empty: it knows them */
function limitsFor(instance: Instance, limits: KnownLimits): string {
  if (instance.limits === limits) return '';
  instance.limits = limits;
  return limits.text;
}

/** Enters isolates for runs, answers, and timers, each under what is left of the run's own time. */
export class Pump {
  readonly #writer: FrameWriter;
  readonly #mark: Mark | undefined;
  readonly #workshop: Workshop;
  readonly #units = new Map<number, UnitSource>();
  readonly #limits = new Map<number, KnownLimits>();
  readonly #cells = new Map<number, Cell>();
  readonly #runs = new Map<number, Run>();
  readonly #together = new Together();
  readonly #options = { timeout: 1 };
  readonly #head = [0, 0, 0, 0, 0, 0];
  /** What the entry under way has told at once: number and message in turn. */
  #told: (number | string)[] = [];
  #newestRun = 0;

  constructor(ivm: Ivm, writer: FrameWriter, mark?: Mark) {
    this.#writer = writer;
    this.#mark = mark;
    const engine = new Engine(ivm);
    // Called on the plugin's stack, which may be almost full: it does nothing that could stop halfway.
    const tell = (run: number, message: string) => {
      this.#told.push(run, message);
    };
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
    this.#workshop.stock.expect(memoryMb);
  }

  /** No more frames have come for now: nobody waits for company any longer. */
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
    this.#runs.set(run.no, run);
    run.cell.runs.set(run.no, run);
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
      return this.#failedToLoad(run, error);
    }
    // Loading is not what the function takes each time.
    if (cell.settled === 0) run.cpuUsedMs += cell.cpuSinceMs();
    const told = limitsFor(run.instance, limits);
    this.#enter(run, run.instance.run, [run.no, handler, context, input, told]);
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
      const args = entryOfAll(all, limitsFor(instance, limits));
      instance.together.applySync(undefined, args as never[], this.#options);
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
    this.#heed(cell, said);
    if (cell.runs.size > 0 && cell.pending === 0) this.#endStuck(cell);
    if (usedMs > longEntryMs) this.#writer.flush();
  }

  /** Something went wrong or was said, and nobody knows in which of them: running each alone tells. */
  #beginAnew(all: readonly Arrived[]): void {
    const cell = (all[0] as Arrived).run.cell;
    this.#told.length = 0;
    cell.spoilt = cell.unit.apart = true;
    const usedMs = cell.cpuSinceMs();
    for (const { run } of all) {
      cell.runs.delete(run.no);
      run.cpuUsedMs = usedMs / all.length;
    }
    if (cell.isolate.isDisposed) for (const run of [...cell.runs.values()]) this.#done(run, 'x', '');
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

  #enter(run: Run, entry: Reference, args: unknown[]): void {
    const cpuLeft = run.cpuMs - run.cpuUsedMs;
    const left = Math.min(cpuLeft, run.deadline - Date.now());
    if (left <= 0) return this.#timedOut(run, cpuLeft <= 0);
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
    if (said !== undefined) this.#heed(cell, said);
    if (cell.runs.size > 0 && cell.pending === 0) this.#endStuck(cell);
    if (usedMs > longEntryMs) this.#writer.flush();
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
    this.#heedTold(run.cell);
    if (run.cell.isolate.isDisposed) return this.#lostIsolate(run);
    run.cell.spoilt = true;
    this.#timedOut(run, run.cpuUsedMs >= run.cpuMs - 5);
  }

  /** All that an entry leads to without the host has happened when it returns: who waits for nothing waits for ever. */
  #endStuck(cell: Cell): void {
    const text = errorText('NEVER_SETTLES', 'The handler can never finish: nothing is pending');
    for (const run of [...cell.runs.values()]) this.#done(run, 'f', text);
  }

  #timedOut(run: Run, byCpu: boolean): void {
    const [limit, value] = byCpu ? ['cpuMs', run.cpuMs] : ['timeoutMs', run.timeoutMs];
    const used = Math.round(byCpu ? run.cpuUsedMs : performance.now() - run.startedAt);
    const message = `The execution went over its ${limit} of ${value} ms`;
    this.#done(run, 't', errorText('EXECUTION_TIMED_OUT', message, { limit, value, used }));
  }

  /** The isolate was thrown away: the run inside is to blame, the others in it are lost with it. */
  #lostIsolate(guilty: Run): void {
    const { cell } = guilty;
    cell.spoilt = true;
    if (this.#workshop.engine.wasLate(cell.isolate)) {
      this.#timedOut(guilty, guilty.cpuUsedMs >= guilty.cpuMs - 5);
    } else {
      cell.heapMb = cell.unit.memoryMb;
      this.#done(guilty, 'm', '');
    }
    for (const run of [...cell.runs.values()]) this.#done(run, 'x', '');
  }

  #failedToLoad(run: Run, error: unknown): void {
    run.cell.spoilt = true;
    this.#told.length = 0;
    const message = String((error as Error | undefined)?.message ?? '').slice(0, 2_000);
    if (run.cell.isolate.isDisposed) return this.#lostIsolate(run);
    if (message === timeIsUp) return this.#timedOut(run, true);
    const code = error instanceof LoadError ? error.code : 'MAIN_INVALID';
    const name = error instanceof LoadError ? '' : `${(error as Error | undefined)?.name ?? 'Error'}: `;
    this.#done(run, 'f', errorText(code, `The main file failed to load: ${name}${message}`));
  }

  /** Does what the entry has asked for, in its order. */
  #heed(cell: Cell, said: string): void {
    this.#heedTold(cell);
    const head = this.#head;
    for (let at = 0; at < said.length;) {
      const textAt = readNumbers(said, at, head);
      const [no = 0, length = 0] = head;
      at = textAt + length;
      this.#obey(cell, no, said.slice(textAt, at));
    }
  }

  #heedTold(cell: Cell): void {
    const told = this.#told;
    for (let at = 0; at < told.length; at += 2) {
      const [no, message] = [told[at], told[at + 1]];
      if (typeof no === 'number' && typeof message === 'string') this.#obey(cell, no, message);
    }
    if (told.length > 1_000) this.#told = [];
    else told.length = 0;
  }

  /**
   * The first letter says what it is; the bridge has the list. Only runs of the isolate that was entered are heard of:
   * whatever number it says, another plugin's run it cannot speak for.
   */
  #obey(cell: Cell, no: number, message: string): void {
    const run = this.#runs.get(no);
    if (run?.cell !== cell) return;
    const text = message.slice(1);
    switch (message.charAt(0)) {
      case 's':
        return this.#done(run, 's', text);
      case 'f':
        return this.#done(run, 'f', text);
      case 'm':
        return this.#done(run, 'm', '');
      case 'v':
        return run.cell.leave(Number(text));
      case 'w':
        run.cell.outsideMb = Math.max(run.cell.outsideMb, Number(text) / 1_048_576);
        return;
      case 'c':
        run.cell.wait(run, 1);
        run.hostCalls++;
        return this.#writer.send(run.no, frameType.call, text);
      case 'g':
        return this.#writer.send(run.no, frameType.log, text);
      case 'l':
        return this.#writer.send(run.no, frameType.limit, text);
      case 't': {
        const [id, delayMs] = text.split(' ').map(Number);
        return setTimer(run, id ?? 0, delayMs ?? 1, () => this.#fire(run, id ?? 0));
      }
      case 'u':
        return clearTimer(run, Number(text));
    }
  }

  #fire(run: Run, id: number): void {
    if (!this.#runs.has(run.no) || !run.instance) return;
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
      this.#told.length = 0;
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
    this.#mark?.set(no, no);
    this.#writer.flush();
    const answer = inspectSource(this.#workshop, payload);
    this.#told.length = 0;
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
      this.#told.length = 0;
    }
    this.#writer.send(no, frameType.done, `s${nothing}`);
  }

  /** Payload: `letter, cpuUs wallUs heapKb hostCalls bytesIn longestUs \n text`. */
  #done(run: Run, letter: DoneLetter, text: string): void {
    if (!this.#runs.delete(run.no)) return;
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
}
