import { frameType } from './child/frames.js';
import { Aboard, type Errand } from './aboard.js';
import { ranOutOfMemory, workerCrashed, type Flight, type Landing } from './flight.js';
import { Guard, type Finding } from './guard.js';
import { lowerToSlow } from './priority.js';
import type { Launcher } from './launch.js';
import type { Marked } from './mark-file.js';
import type { Binding } from './placement.js';
import type { EndReason, Kill, Source, Unit, WorkerStats } from './types.js';
import { Units, type Remembered } from './units.js';
import { errandGraceMs, Warmer } from './warmer.js';
import { WorkerProcess } from './worker-process.js';

/** What a machine or its operator ends processes with: no plugin can. */
const outsideSignals: ReadonlySet<NodeJS.Signals> = new Set(['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP']);

export interface WorkerEvents {
  /** Nothing is in flight any more. */
  idle(worker: Worker): void;
  /** It was killed or has ended, and what it was given lands in a moment. */
  dying(worker: Worker): void;
  gone(worker: Worker): void;
  /** One unit keeps the worker to itself. */
  held(worker: Worker, unit: Unit): void;
  killed(kill: Kill): void;
}

export const noEnds = (): Record<EndReason, number> => ({
  memory_cap: 0,
  parked: 0,
  deadline: 0,
  protocol: 0,
  crashed: 0,
  errand_late: 0,
  retired: 0,
});

/** The supervisor's side of one worker process: what it was given, what it holds, when it has to die. */
export class Worker {
  binding: Binding | undefined;
  retiring = false;
  lastUsedAt = 0;
  /** How often a successor was begun for it. */
  handovers = 0;
  /** The lowest number that no other worker had when it started. */
  slot = 0;
  endReason: EndReason = 'crashed';
  readonly aboard: Aboard;
  readonly units: Units;
  readonly #process: WorkerProcess;
  readonly #guard: Guard;
  readonly #events: WorkerEvents;
  readonly #warmer: Warmer;

  /** @param isolatesMb what isolates at rest may take */
  constructor(launcher: Launcher, isolatesMb: number, events: WorkerEvents) {
    this.#events = events;
    this.#process = new WorkerProcess(launcher, {
      frame: (id, type, payload) => this.aboard.heard(id, type, payload),
      mostBytes: (type) => this.aboard.mostBytes(type),
      garbled: (why) => this.#misbehaved(`spoke no frames: ${why}`),
      ended: (signal) => this.#ended(signal),
    });
    this.units = new Units(this.#process.writer, isolatesMb);
    this.aboard = new Aboard(this.#process, this.units, {
      atRest: () => this.#atRest(),
      misbehaved: (why) => this.#misbehaved(why),
      cut: (flight, verdict) => this.cut(flight, verdict, Date.now()),
    });
    this.#guard = new Guard(this.#process, this.aboard);
    this.#warmer = new Warmer(this.aboard);
  }

  get ready(): Promise<void> {
    return this.#process.ready;
  }

  get isReady(): boolean {
    return this.#process.isReady;
  }

  get dead(): boolean {
    return this.#process.dead;
  }

  get pid(): number {
    return this.#process.pid;
  }

  get rssMb(): number {
    return this.#guard.rssMb || this.#process.rssMb();
  }

  get inFlight(): number {
    return this.aboard.size;
  }

  bind(binding: Binding, now: number): void {
    this.binding = binding;
    this.lastUsedAt = now;
    if (binding.lane === 'slow') lowerToSlow(this.pid);
  }

  has(key: string): boolean {
    return this.units.get(key) !== undefined;
  }

  stats(): WorkerStats {
    return {
      slot: this.slot,
      pid: this.pid,
      cordon: this.binding?.cordon ?? null,
      lane: this.binding?.lane ?? null,
      units: this.units.size,
      blanks: this.aboard.blanks,
      inFlight: this.inFlight,
      executions: this.aboard.executions,
      rssMb: Math.round(this.rssMb),
      draining: this.retiring,
    };
  }

  /**
   * @param source needed unless the worker has the unit already
   * @returns whether the unit had to be loaded for it
   */
  send(flight: Flight, source: Source | undefined, now: number): boolean {
    this.lastUsedAt = now;
    return this.aboard.send(flight, source, now);
  }

  /** @param answer called with undefined when the worker ended over it */
  inspect(question: { memoryMb: number; timeoutMs: number }, answer: Errand['answer']): void {
    const { memoryMb, timeoutMs } = question;
    const deadline = Date.now() + timeoutMs + errandGraceMs;
    this.aboard.ask(frameType.inspect, JSON.stringify(question), { answer, deadline, memoryMb });
  }

  /** Loads units ahead, while nothing else is under way. @param done called when none is left */
  warm(units: readonly Remembered[], done?: () => void): void {
    if (!this.dead) this.#warmer.add(units, done);
  }

  /** Ends a flight from outside; the worker is killed when it does not let go of it in time. */
  cut(flight: Flight, verdict: NonNullable<Flight['verdict']>, now: number): void {
    if (flight.verdict) return;
    flight.verdict = verdict;
    flight.cutAtMs = now;
    flight.cutAtTicks = this.#process.activity().cpuTicks;
    this.#process.writer.send(flight.no, frameType.cancel, '');
  }

  /** Called each few milliseconds while something is in flight. */
  watch(now: number): void {
    if (this.dead || !this.isReady) return;
    for (const finding of this.#guard.look(now)) {
      this.#act(finding, now);
      if (this.dead) return;
    }
  }

  kill(reason: EndReason = 'retired'): void {
    if (!this.dead) this.#killFor(reason, '');
  }

  #act(finding: Finding, now: number): void {
    switch (finding.kind) {
      case 'memory_cap':
        return this.#killFor(
          'memory_cap',
          `It took ${Math.round(finding.rssMb)} MB, more than all in it may`,
          ranOutOfMemory,
        );
      case 'parked':
        return this.#killFor('parked', 'It hung with no memory left', ranOutOfMemory);
      case 'mark_misused':
        return this.#misbehaved('writes over its mark');
      case 'late':
        return this.cut(finding.flight, finding.verdict, now);
      case 'unanswered':
        return this.#unanswered(finding.flight, finding.starved);
      case 'held': {
        const mark = this.#inside();
        // Stopped in time they come back: what does not can be stopped by nothing, and which it is only each alone tells.
        if (this.#together(mark).length > 0)
          return this.#killFor('deadline', 'Runs that entered together did not come back');
        const flight = this.aboard.flights.get(mark.inside);
        if (flight) this.#events.held(this, flight.invocation.unit);
        return;
      }
      case 'errand_late':
        return this.#killFor('errand_late', 'A plugin that was loaded ahead or inspected did not come back');
    }
  }

  #unanswered(flight: Flight, starved: boolean): void {
    const { verdict } = flight;
    const mark = this.#inside();
    const together = this.#together(mark).includes(flight);
    const inside = mark.inside === flight.no || together;
    if (inside && !starved)
      return this.#killFor('deadline', 'A run that was cut off did not let go', () =>
        verdict ? { kind: 'ended', ...verdict } : workerCrashed(),
      );
    // Another run holds the worker and is watched by itself: this one only waited behind it.
    if (!inside) this.aboard.take(flight.no);
    // Its caller is told in time. Whether its worker has to die for it shows once that gets the processor again.
    else if (!flight.landed && !together) this.#charge(flight);
    if (verdict) flight.land({ kind: 'ended', ...verdict });
  }

  /** Which run or errand is inside the worker right now, and the newest it has started. */
  #inside(): Marked {
    const { flights, errands } = this.aboard;
    const mark = this.#process.mark.read();
    if (flights.has(mark.inside) || errands.has(mark.inside)) return mark;
    // Unmarked: a run that was alone in the worker when it came, so it is the oldest one.
    const oldest = flights.keys().next().value ?? 0;
    return { inside: oldest, newest: oldest, last: 0 };
  }

  /** Runs that entered their isolate together: nothing of them has counted yet, so each can be run again. */
  #together({ inside, last }: Marked): Flight[] {
    const { flights } = this.aboard;
    const first = flights.get(inside);
    if (!first || last <= inside) return [];
    const together = [...flights.values()].filter(
      ({ no, loaded }) => no >= inside && no <= last && loaded === first.loaded,
    );
    return together.length > 1 ? together : [];
  }

  /** @param verdict of the run that is inside; without it nobody is to blame */
  #killFor(reason: EndReason, message: string, verdict?: (guilty: Flight) => Landing): void {
    const mark = this.#inside();
    const together = this.#together(mark);
    const [oneOfThem] = together;
    const guilty = verdict && !oneOfThem ? this.aboard.flights.get(mark.inside) : undefined;
    const suspect = reason === 'protocol' ? this.#suspect() : oneOfThem;
    this.#die(reason, message, guilty, guilty ?? suspect);
    if (verdict && guilty) this.#convict(guilty, verdict(guilty));
    // What a worker that broke the rules has marked may be a lie.
    if (reason === 'protocol') this.#landAll();
    else this.#landAll(mark.newest, together);
  }

  /** Where no run can be blamed for certain: one of the only plugin in it, if there is only one. */
  #suspect(): Flight | undefined {
    const [first, ...rest] = this.aboard.flights.values();
    return rest.every(({ loaded }) => loaded === first?.loaded) ? first : undefined;
  }

  /** @param answers the run that takes the word of it along */
  #die(reason: EndReason, message: string, guilty?: Flight, answers?: Flight): void {
    this.endReason = reason;
    if (reason !== 'retired') {
      const kill: Kill = {
        reason,
        message,
        cordon: this.binding?.cordon,
        blamed: guilty?.invocation.executionId,
        executionIds: [...this.aboard.flights.values()].map(({ invocation }) => invocation.executionId),
        rssMb: Math.round(this.rssMb),
        cpuMs: this.#guard.cpuMs,
      };
      if (answers?.landed) answers.invocation.killed?.(kill);
      else if (answers) answers.kill = kill;
      this.#events.killed(kill);
    }
    this.#process.kill();
    this.#events.dying(this);
  }

  #convict(guilty: Flight, landing: Landing): void {
    if (!guilty.landed) this.#charge(guilty);
    this.aboard.take(guilty.no);
    guilty.land(landing);
  }

  /** The most that a run which is inside can have used. */
  #charge(inside: Flight): void {
    inside.started = true;
    inside.usage.cpuMs = Math.min(this.#guard.cpuMs, Date.now() - inside.acceptedAt);
  }

  #ended(signal: NodeJS.Signals | null): void {
    if (!this.dead) {
      // The engine's own end for want of memory is an abort: the mark is true then.
      const mark = signal === 'SIGABRT' ? this.#inside() : undefined;
      const suspect = signal !== null && outsideSignals.has(signal) ? undefined : this.#suspect();
      const alone = this.aboard.size === 1 ? suspect : undefined;
      const together = mark ? this.#together(mark) : [];
      const [oneOfThem] = together;
      const guilty = mark ? (oneOfThem ? undefined : this.aboard.flights.get(mark.inside)) : alone;
      this.#die('crashed', `It ended by ${signal ?? 'itself'}`, guilty, guilty ?? oneOfThem ?? suspect);
      if (guilty) this.#convict(guilty, mark ? ranOutOfMemory(guilty) : workerCrashed());
      this.#landAll(mark?.newest, together);
    }
    this.#events.gone(this);
  }

  /**
   * @param newestStarted what came after it has not started; undefined: who knows
   * @param together what entered at the end, and has had no effect
   */
  #landAll(newestStarted?: number, together: readonly Flight[] = []): void {
    const { flights, errands } = this.aboard;
    for (const flight of [...flights.values()]) {
      this.aboard.take(flight.no);
      const begun = newestStarted === undefined || flight.no <= newestStarted;
      flight.started = begun && !together.includes(flight);
      flight.land(
        flight.verdict ? { kind: 'ended', ...flight.verdict } : { kind: 'lost', started: flight.started },
      );
    }
    for (const { answer } of errands.values()) answer(undefined);
    errands.clear();
  }

  #atRest(): void {
    if (this.dead) return;
    this.#warmer.next();
    if (this.inFlight === 0) this.#events.idle(this);
  }

  #misbehaved(why: string): void {
    if (!this.dead) this.#killFor('protocol', `It ${why}`);
  }
}
