import type { Aboard } from './aboard.js';
import { frameType } from './child/frames.js';
import { timedOutVerdict, type Flight } from './flight.js';
import type { WorkerProcess } from './worker-process.js';

/** What an honest worker needs over the heaps of its plugins: code, young generation, buffers. */
const slackMb = 40;
/** From cutting a run off to killing its worker when that does not answer. */
const graceMs = 100;
const pingAfterMs = 100;
// Long enough for a worker on a machine without a free core: its main thread may sleep while it waits for a helper
// thread that gets no processor. A quarter of a second had called such a worker out of memory.
const parkedAfterMs = 1_000;

/** What a look at a worker found. */
export type Finding =
  | { kind: 'memory_cap'; rssMb: number }
  | { kind: 'mark_misused' }
  /** Its time is up: to be cut off. */
  | { kind: 'late'; flight: Flight; verdict: NonNullable<Flight['verdict']> }
  /** Cut off some time ago, and still there. */
  | { kind: 'unanswered'; flight: Flight }
  | { kind: 'errand_late' }
  /** Neither answers nor uses the processor: it hangs in V8's out-of-memory handling. */
  | { kind: 'parked' };

/** Looks at one worker from outside each few milliseconds and says what has to be done about it. */
export class Guard {
  rssMb = 0;
  readonly #process: WorkerProcess;
  readonly #aboard: Aboard;
  #restMb: number | undefined;
  #pingedAt = 0;
  #heardAtPing = 0;
  #ticksAtPing = 0;

  constructor(process: WorkerProcess, aboard: Aboard) {
    this.#process = process;
    this.#aboard = aboard;
  }

  *look(now: number): Generator<Finding, void> {
    const { flights, errands } = this.#aboard;
    this.rssMb = this.#process.rssMb();
    // Each of these three is the worker's end: what comes after is not asked for.
    if (this.rssMb > this.#capMb()) yield { kind: 'memory_cap', rssMb: this.rssMb };
    if (this.#process.mark.misused) yield { kind: 'mark_misused' };
    for (const { deadline } of errands.values()) if (now > deadline) yield { kind: 'errand_late' };
    for (const flight of [...flights.values()]) {
      const { deadline, limits } = flight.invocation;
      if (!flight.verdict) {
        if (now < deadline) continue;
        const verdict = timedOutVerdict(limits.timeoutMs, now - flight.acceptedAt);
        yield { kind: 'late', flight, verdict };
      } else if (now - flight.cutAtMs >= graceMs) yield { kind: 'unanswered', flight };
    }
    if (this.#isParked(now)) yield { kind: 'parked' };
  }

  #capMb(): number {
    const { size, errands, units } = this.#aboard;
    if (size === 0) {
      this.#restMb = this.rssMb;
      units.measured();
      return Number.POSITIVE_INFINITY;
    }
    let errandsMb = 0;
    for (const { memoryMb } of errands.values()) errandsMb += memoryMb;
    return (this.#restMb ?? this.#process.startMb) + errandsMb + units.allowedMb() + slackMb;
  }

  #isParked(now: number): boolean {
    const { heardAt } = this.#process;
    if (this.#aboard.size === 0 || now - heardAt < pingAfterMs) return false;
    if (this.#pingedAt === 0 || heardAt > this.#heardAtPing) {
      this.#ping(now);
      this.#process.writer.send(0, frameType.ping, '');
      return false;
    }
    if (now - this.#pingedAt < parkedAfterMs) return false;
    const { cpuTicks, sleeping } = this.#process.activity();
    if (sleeping && cpuTicks === this.#ticksAtPing) return true;
    this.#ping(now);
    return false;
  }

  #ping(now: number): void {
    this.#pingedAt = now;
    this.#heardAtPing = this.#process.heardAt;
    this.#ticksAtPing = this.#process.activity().cpuTicks;
  }
}
