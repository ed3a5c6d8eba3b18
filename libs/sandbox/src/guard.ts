import type { Aboard } from './aboard.js';
import { frameType } from './child/frames.js';
import { timedOutVerdict, type Flight } from './flight.js';
import type { WorkerProcess } from './worker-process.js';

/** What an honest worker needs over the heaps of its plugins: code, young generation, buffers. */
const slackMb = 40;
/** From cutting a run off to telling its caller when the worker does not answer. */
const graceMs = 100;
/** Ticks of processor time that a worker has to have had in it before it is killed for that. */
const graceTicks = 3;
/** As long at most: a worker that gets no processor cannot answer, and neither its plugin nor those beside are to blame. */
const starvedMs = 5_000;
const pingAfterMs = 100;
// Long enough for a worker on a machine without a free core: its main thread may sleep while it waits for a helper
// thread that gets no processor. A quarter of a second had called such a worker out of memory.
const parkedAfterMs = 1_000;

const tickMs = 10;
/** Ticks of processor time after which a worker that has not answered a ping is held by one run. */
const heldTicks = 15;

/** What a look at a worker found. */
export type Finding =
  | { kind: 'memory_cap'; rssMb: number }
  | { kind: 'mark_misused' }
  /** Its time is up: to be cut off. */
  | { kind: 'late'; flight: Flight; verdict: NonNullable<Flight['verdict']> }
  /** Cut off some time ago, and still there; starved: its worker had no processor to let go of it. */
  | { kind: 'unanswered'; flight: Flight; starved: boolean }
  | { kind: 'errand_late' }
  /** One run keeps the processor, and all the others wait behind it. Found once for each silence. */
  | { kind: 'held' }
  /** Neither answers nor uses the processor: it hangs in V8's out-of-memory handling. */
  | { kind: 'parked' };

/** Looks at one worker from outside each few milliseconds and says what has to be done about it. */
export class Guard {
  rssMb = 0;
  readonly #process: WorkerProcess;
  readonly #aboard: Aboard;
  #restMb: number | undefined;
  #restTicks = 0;
  #restTimersMb = 0;
  /** The most that timers have taken since: what is freed of it the process keeps. */
  #timersMb = 0;
  #ticks = 0;
  #pingedAt = 0;
  #heardAtPing = 0;
  #ticksAtPing = 0;
  #held = false;
  /** The run that was inside when it was looked last, and the worker's memory when it was first seen there. */
  #inside = 0;
  #insideFromMb = 0;

  constructor(process: WorkerProcess, aboard: Aboard) {
    this.#process = process;
    this.#aboard = aboard;
  }

  *look(now: number): Generator<Finding, void> {
    const { flights, errands } = this.#aboard;
    this.rssMb = this.#process.rssMb();
    this.#ticks = this.#process.activity().cpuTicks;
    // Each of these three is the worker's end: what comes after is not asked for.
    if (this.rssMb > Math.min(this.#capMb(now), this.#insideCapMb()))
      yield { kind: 'memory_cap', rssMb: this.rssMb };
    if (this.#process.mark.misused) yield { kind: 'mark_misused' };
    for (const { deadline } of errands.values()) if (now > deadline) yield { kind: 'errand_late' };
    for (const flight of [...flights.values()]) {
      const { deadline, limits } = flight.invocation;
      if (!flight.verdict) {
        if (now < deadline) continue;
        const verdict = timedOutVerdict(limits.timeoutMs, now - flight.acceptedAt);
        yield { kind: 'late', flight, verdict };
      } else if (now - flight.cutAtMs >= graceMs)
        yield { kind: 'unanswered', flight, starved: this.#isStarved(flight, now) };
    }
    yield* this.#silence(now);
  }

  /** Processor time since the worker was last seen at rest: no run in it has used more. */
  get cpuMs(): number {
    return Math.max(0, this.#ticks - this.#restTicks) * tickMs;
  }

  #isStarved({ cutAtMs, cutAtTicks }: Flight, now: number): boolean {
    return this.#ticks - cutAtTicks < graceTicks && now - cutAtMs < starvedMs;
  }

  #capMb(now: number): number {
    const { size, errands, units, timers } = this.#aboard;
    const timersMb = timers.mb(now);
    if (size === 0) {
      this.#restMb = this.rssMb;
      this.#restTicks = this.#ticks;
      this.#restTimersMb = timersMb;
      this.#timersMb = 0;
      units.measured();
      return Number.POSITIVE_INFINITY;
    }
    this.#timersMb = Math.max(this.#timersMb, timersMb - this.#restTimersMb);
    let allowedMb = units.allowedMb() + this.#timersMb + slackMb;
    for (const { memoryMb } of errands.values()) allowedMb += memoryMb;
    return (this.#restMb ?? this.#process.startMb) + allowedMb;
  }

  /** What a run that is inside may have added: the memory that others may take, who only wait, is not for it. */
  #insideCapMb(): number {
    const { flights } = this.#aboard;
    // One that is alone is not marked, and has all of the other cap.
    if (flights.size < 2) return Number.POSITIVE_INFINITY;
    const { inside } = this.#process.mark.read();
    if (inside !== this.#inside) {
      this.#inside = inside;
      this.#insideFromMb = this.rssMb;
    }
    const flight = flights.get(inside);
    if (!flight) return Number.POSITIVE_INFINITY;
    return this.#insideFromMb + flight.invocation.limits.memoryMb + slackMb;
  }

  *#silence(now: number): Generator<Finding, void> {
    const { heardAt } = this.#process;
    if (this.#aboard.size === 0 || now - heardAt < pingAfterMs) return;
    if (this.#pingedAt === 0 || heardAt > this.#heardAtPing) {
      this.#held = false;
      this.#ping(now);
      this.#process.writer.send(0, frameType.ping, '');
      return;
    }
    const { cpuTicks, sleeping } = this.#process.activity();
    if (!this.#held && cpuTicks - this.#ticksAtPing >= heldTicks) {
      this.#held = true;
      yield { kind: 'held' };
    }
    if (now - this.#pingedAt < parkedAfterMs) return;
    if (sleeping && cpuTicks === this.#ticksAtPing) yield { kind: 'parked' };
    else this.#ping(now);
  }

  #ping(now: number): void {
    this.#pingedAt = now;
    this.#heardAtPing = this.#process.heardAt;
    this.#ticksAtPing = this.#process.activity().cpuTicks;
  }
}
