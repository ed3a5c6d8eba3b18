import { frameType } from './child/frames.js';
import { readNumbers } from './child/numbers.js';
import { workerCrashed, type Flight } from './flight.js';
import { answerHostCall, hostCallLength } from './host-call.js';
import { landingOf } from './landing.js';
import { logFrameLength, writeLog } from './log-line.js';
import { SpentTimers } from './spent-timers.js';
import type { Source } from './types.js';
import { Units } from './units.js';
import type { WorkerProcess } from './worker-process.js';

/** Frames of no run or of one that is over, one after the other: what an honest worker had still to say is far less. */
const straysMax = 100_000;
/** Answers of the host that a worker may leave unread. */
const unreadMax = 256 * 1_048_576;
/** What results and errors need beside the output: numbers, an error's texts, the answer to an inspection. */
const besideOutput = 1_048_576;
const bytesPerCharacter = 3;

/** Something asked of a worker beside runs. */
export interface Errand {
  /** Called with undefined when the worker ended over it. */
  answer: (text: string | undefined) => void;
  /** Milliseconds since 1970. */
  deadline: number;
  memoryMb: number;
}

export interface AboardEvents {
  /** The last thing under way has ended. */
  atRest(): void;
  /** The worker says what its own code never would. */
  misbehaved(why: string): void;
  cut(flight: Flight, verdict: NonNullable<Flight['verdict']>): void;
}

/** What is under way in one worker: runs, errands, and what it hears of them. */
export class Aboard {
  readonly flights = new Map<number, Flight>();
  readonly errands = new Map<number, Errand>();
  readonly units: Units;
  readonly timers = new SpentTimers();
  executions = 0;
  /** Isolates that the worker has made ahead for no plugin yet. */
  blanks = 0;
  readonly #process: WorkerProcess;
  readonly #events: AboardEvents;
  readonly #numbers = [0, 0, 0, 0, 0, 0];
  #nextNo = 1;
  #strays = 0;
  /** The largest output that any of its runs may have. */
  #mostOutput = 0;

  constructor(process: WorkerProcess, units: Units, events: AboardEvents) {
    this.#process = process;
    this.units = units;
    this.#events = events;
  }

  get size(): number {
    return this.flights.size + this.errands.size;
  }

  /**
   * @param source needed unless the worker has the unit already
   * @returns whether the unit had to be loaded for it
   */
  send(flight: Flight, source: Source | undefined, now: number): boolean {
    const { unit, handler, context, input, limits, deadline } = flight.invocation;
    let loaded = this.units.get(unit.key);
    const cold = !loaded;
    if (!loaded) {
      if (!source) {
        flight.land(workerCrashed());
        return false;
      }
      loaded = this.units.load(unit, source, limits.memoryMb, now);
    }
    const limitsNo = this.units.limitsNo(limits);
    this.units.entered(loaded, now);
    flight.loaded = loaded;
    this.executions++;
    if (limits.outputBytes > this.#mostOutput) this.#mostOutput = limits.outputBytes;
    if (this.flights.size === 0) this.#process.heardAt = now;
    // The first try may have ended a worker: the second enters by itself, so that it is known which run does.
    const company = flight.retried ? 2 : Math.min(this.size, 1);
    const no = this.#number();
    flight.no = no;
    flight.usage.bytesIn = Buffer.byteLength(input);
    this.flights.set(no, flight);
    this.timers.note(deadline);
    this.#process.writer.send(
      no,
      frameType.run,
      `${loaded.no} ${limitsNo} ${deadline} ${company} ${handler.length} ${context.length}\n${handler}${context}${input}`,
    );
    return cold;
  }

  ask(type: number, payload: string, errand: Errand): void {
    const no = this.#number();
    this.errands.set(no, errand);
    this.#process.writer.send(no, type, payload);
  }

  /** Takes a flight out; the caller lands it. */
  take(no: number): Flight | undefined {
    const flight = this.flights.get(no);
    if (!flight) return undefined;
    this.flights.delete(no);
    if (flight.loaded) this.units.left(flight.loaded);
    if (this.size === 0) this.#events.atRest();
    return flight;
  }

  /** The most that a worker of ours says at a time. */
  mostBytes(type: number): number {
    switch (type) {
      case frameType.done:
        return besideOutput + this.#mostOutput * bytesPerCharacter;
      case frameType.call:
        return hostCallLength * bytesPerCharacter;
      case frameType.log:
        return logFrameLength * bytesPerCharacter;
      default:
        return 256;
    }
  }

  /** A frame of the worker, which may say anything. */
  heard(id: number, type: number, payload: string): void {
    if (type === frameType.done) return this.#done(id, payload);
    if (type === frameType.blanks) {
      this.blanks = Math.min(id, 1_000);
      return;
    }
    const flight = this.flights.get(id);
    if (!flight || flight.verdict) return this.#stray();
    switch (type) {
      case frameType.call:
        return this.#call(flight, payload);
      case frameType.log:
        if (!writeLog(flight, payload)) this.#events.misbehaved('log frames over the limit');
        return;
      case frameType.limit: {
        const [value, used, limit = ''] = payload.split(' ');
        flight.limitsHit ??= [];
        if (flight.limitsHit.length < 16)
          flight.limitsHit.push({ limit: limit.slice(0, 64), value: amount(value), used: amount(used) });
      }
    }
  }

  #number(): number {
    const no = this.#nextNo;
    this.#nextNo = no >= 0xfffffff0 ? 1 : no + 1;
    return no;
  }

  #done(no: number, payload: string): void {
    const errand = this.errands.get(no);
    const numbers = this.#numbers.fill(0);
    const text = payload.slice(readNumbers(payload, 2, numbers));
    if (errand) {
      this.errands.delete(no);
      errand.answer(text);
      if (this.size === 0) this.#events.atRest();
      return;
    }
    const flight = this.take(no);
    if (!flight) return this.#stray();
    this.#strays = 0;
    const { usage } = flight;
    if (!numbers.every((number) => number <= Number.MAX_SAFE_INTEGER)) numbers.fill(0);
    const [cpuUs = 0, wallUs = 0, heapKb = 0, , , longestUs = 0] = numbers;
    flight.started = payload[0] !== 'x' || wallUs > 0;
    usage.cpuMs = cpuUs / 1_000;
    usage.wallMs = wallUs / 1_000;
    usage.peakHeapMb = heapKb / 1_024;
    flight.longestMs = longestUs / 1_000;
    if (flight.loaded) flight.loaded.heapMb = usage.peakHeapMb;
    flight.land(landingOf(flight, payload[0] ?? 'x', text));
  }

  #call(flight: Flight, payload: string): void {
    const { hostCalls, hostCallsInFlight } = flight.invocation.limits;
    // The worker's shim keeps these limits: more means that something else speaks.
    if (++flight.calls > hostCalls || flight.callsInFlight >= hostCallsInFlight) {
      return this.#events.misbehaved('host calls over the limit');
    }
    flight.callsInFlight++;
    // Counted here and not there: what was asked of the host and given to the plugin, whatever becomes of its worker.
    const { usage } = flight;
    usage.hostCalls = flight.calls;
    usage.bytesOut += Buffer.byteLength(payload) - payload.indexOf('\n') - 1;
    answerHostCall(
      flight,
      payload,
      (reply) => {
        flight.callsInFlight--;
        if (this.#process.dead || this.flights.get(flight.no) !== flight) return;
        if (this.#process.unreadBytes > unreadMax) return this.#events.misbehaved('reads no answers');
        this.timers.note(flight.invocation.deadline);
        usage.bytesIn += Buffer.byteLength(reply) - reply.indexOf('\n') - 1;
        this.#process.writer.send(flight.no, frameType.reply, reply);
      },
      (verdict) => {
        if (this.flights.get(flight.no) === flight) this.#events.cut(flight, verdict);
      },
    );
  }

  #stray(): void {
    if (++this.#strays > straysMax) this.#events.misbehaved('speaks of no run');
  }
}

/** A number that a worker says, as one that can be counted and written down. */
const amount = (text: string | undefined): number => {
  const value = Number(text);
  return value >= 0 && value <= Number.MAX_SAFE_INTEGER ? value : 0;
};
