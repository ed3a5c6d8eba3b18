import type { ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import { FrameReader, FrameWriter, frameType } from './child/frames.js';
import { readNumbers } from './child/numbers.js';
import { answerHostCall } from './host-call.js';
import { landingOf } from './landing.js';
import { MarkFile } from './mark-file.js';
import { ranOutOfMemory, timedOutVerdict, workerCrashed, type Flight, type Landing } from './flight.js';
import type { Launcher } from './launch.js';
import { ProcessProbe } from './proc.js';
import { writeLog } from './log-line.js';
import type { Source, Violation } from './types.js';
import { Units } from './units.js';

export const inspectionMemoryMb = 128;
/** What an honest worker needs over the heaps of its plugins: code, young generation, buffers. */
const slackMb = 40;
/** From cutting a run off to killing its worker when that does not answer. */
const graceMs = 100;
const pingAfterMs = 100;
// Long enough for a worker on a machine without a free core: its main thread may sleep while it waits for a helper
// thread that gets no processor. A quarter of a second had called such a worker out of memory.
const parkedAfterMs = 1_000;

export interface WorkerEvents {
  /** Nothing is in flight any more. */
  idle(worker: Worker): void;
  gone(worker: Worker): void;
  violation(violation: Violation): void;
}

/** The supervisor's side of one worker process: what it was given, what it holds, when it has to die. */
export class Worker {
  cordon: string | undefined;
  retiring = false;
  dead = false;
  executions = 0;
  lastUsedAt = 0;
  pid = 0;
  rssMb = 0;
  readonly flights = new Map<number, Flight>();
  readonly ready: Promise<void>;
  isReady = false;
  readonly #units: Units;
  readonly #inspections = new Map<number, { answer: (json: string | undefined) => void; deadline: number }>();
  readonly #process: ChildProcess;
  readonly #mark: MarkFile;
  readonly #socket: Socket;
  readonly #writer: FrameWriter;
  readonly #events: WorkerEvents;
  #probe: ProcessProbe | undefined;
  #nextNo = 1;
  readonly #numbers = [0, 0, 0, 0, 0];
  #baseMb = 0;
  #heardAt = 0;
  #pingedAt = 0;
  #ticksAtPing = 0;

  constructor(launcher: Launcher, events: WorkerEvents) {
    this.#events = events;
    this.#mark = new MarkFile(launcher.marks);
    this.#process = launcher.spawn(this.#mark.fd);
    this.#socket = this.#process.stdio[3] as unknown as Socket;
    this.#writer = new FrameWriter((bytes) => this.#socket.write(bytes));
    this.#units = new Units(this.#writer);
    let becomeReady: () => void = () => {};
    let failToStart: (error: Error) => void = () => {};
    this.ready = new Promise((resolve, reject) => {
      becomeReady = resolve;
      failToStart = reject;
    });
    this.ready.catch(() => {});
    const reader = new FrameReader((id, type, payload) => {
      if (type !== frameType.ready) return this.#handle(id, type, payload);
      if (this.isReady || this.#process.pid === undefined) return;
      this.pid = launcher.started(this.#process.pid);
      this.#probe = new ProcessProbe(this.pid);
      this.#baseMb = this.rssMb = this.#probe.rssMb();
      this.isReady = true;
      becomeReady();
    });
    this.#socket.on('data', (chunk: Buffer) => {
      if (this.dead) return;
      this.#heardAt = Date.now();
      this.#pingedAt = 0;
      try {
        reader.push(chunk);
      } catch (error) {
        this.#misbehaved(String(error));
      }
    });
    this.#socket.on('error', () => {});
    this.#process.on('error', (error) => failToStart(error));
    this.#process.on('exit', (code, signal) => {
      failToStart(new Error(`A worker process ended at its start (${signal ?? code})`));
      this.#ended(signal);
    });
  }

  get inFlight(): number {
    return this.flights.size + this.#inspections.size;
  }

  get unitCount(): number {
    return this.#units.size;
  }

  has(key: string): boolean {
    return this.#units.get(key) !== undefined;
  }

  /** @param source needed unless the worker has the unit already */
  send(flight: Flight, source: Source | undefined, now: number): void {
    const { unit, handler, context, input, limits, deadline } = flight.invocation;
    let loaded = this.#units.get(unit.key);
    if (!loaded) {
      if (!source) return flight.land(workerCrashed());
      loaded = this.#units.load(unit, source, limits.memoryMb, now);
    }
    const limitsNo = this.#units.limitsNo(limits);
    loaded.lastUsedAt = this.lastUsedAt = now;
    loaded.inFlight++;
    this.executions++;
    if (this.flights.size === 0) this.#heardAt = now;
    const shared = this.flights.size > 0 ? 1 : 0;
    const no = this.#number();
    flight.no = no;
    this.flights.set(no, flight);
    this.#writer.send(
      no,
      frameType.run,
      `${loaded.no} ${limitsNo} ${deadline} ${shared} ${handler.length} ${context.length}\n${handler}${context}${input}`,
    );
  }

  inspect(question: object, deadline: number, answer: (json: string | undefined) => void): void {
    const no = this.#number();
    this.#inspections.set(no, { answer, deadline });
    this.#writer.send(no, frameType.inspect, JSON.stringify(question));
  }

  /** Ends a flight from outside; the worker is killed when it does not let go of it in time. */
  cut(flight: Flight, verdict: NonNullable<Flight['verdict']>, now: number): void {
    if (flight.verdict) return;
    flight.verdict = verdict;
    flight.cutAtMs = now;
    this.#writer.send(flight.no, frameType.cancel, '');
  }

  evict(match: (key: string) => boolean): void {
    this.#units.evict(match);
  }

  /** Called each few milliseconds while something is in flight. */
  watch(now: number): void {
    if (this.dead || !this.#probe) return;
    this.rssMb = this.#probe.rssMb();
    if (this.rssMb > this.#capMb()) {
      this.#events.violation(this.#violation('memory_cap', `RSS of ${Math.round(this.rssMb)} MB`));
      return this.#killFor((flight) => ranOutOfMemory(flight.invocation.limits.memoryMb));
    }
    if (this.#mark.misused) return this.#misbehaved('writes over its mark');
    for (const flight of [...this.flights.values()]) {
      if (this.dead) return;
      const { deadline, limits } = flight.invocation;
      if (!flight.verdict) {
        if (now >= deadline)
          this.cut(flight, timedOutVerdict(limits.timeoutMs, now - flight.acceptedAt), now);
      } else if (now - flight.cutAtMs >= graceMs) this.#unanswered(flight);
    }
    for (const { deadline } of this.#inspections.values()) if (now > deadline) return this.kill();
    this.#checkParked(now);
  }

  kill(): void {
    if (this.dead) return;
    this.#die();
    this.#landAll(undefined, undefined);
  }

  #number(): number {
    const no = this.#nextNo;
    this.#nextNo = no >= 0xfffffff0 ? 1 : no + 1;
    return no;
  }

  #capMb(): number {
    if (this.inFlight === 0) {
      this.#baseMb = this.rssMb;
      return Number.POSITIVE_INFINITY;
    }
    const inspectionsMb = this.#inspections.size * inspectionMemoryMb;
    return this.#baseMb + inspectionsMb + this.#units.allowedMb() + slackMb;
  }

  #unanswered(flight: Flight): void {
    if (this.#inside().inside === flight.no) {
      const { verdict } = flight;
      return this.#killFor(() => (verdict ? { kind: 'ended', ...verdict } : workerCrashed()));
    }
    // Another run holds the worker and is watched by itself; this one only waited behind it.
    this.#take(flight.no);
    if (flight.verdict) flight.land({ kind: 'ended', ...flight.verdict });
  }

  /** A worker that neither answers nor uses the processor hangs in V8's out-of-memory handling. */
  #checkParked(now: number): void {
    if (this.inFlight === 0 || !this.#probe || now - this.#heardAt < pingAfterMs) return;
    const { cpuTicks, sleeping } = this.#probe.activity();
    if (this.#pingedAt === 0) {
      this.#pingedAt = now;
      this.#ticksAtPing = cpuTicks;
      this.#writer.send(0, frameType.ping, '');
      return;
    }
    if (now - this.#pingedAt < parkedAfterMs) return;
    if (sleeping && cpuTicks === this.#ticksAtPing) {
      return this.#killFor((flight) => ranOutOfMemory(flight.invocation.limits.memoryMb));
    }
    this.#pingedAt = now;
    this.#ticksAtPing = cpuTicks;
  }

  /** Which run is inside the worker right now, and the newest it has started. */
  #inside(): { inside: number; newest: number } {
    const mark = this.#mark.read();
    if (this.flights.has(mark.inside)) return mark;
    // Unmarked: a run that was alone in the worker when it came, so it is the oldest one.
    const oldest = this.flights.keys().next().value ?? 0;
    return { inside: oldest, newest: oldest };
  }

  #killFor(verdict: (guilty: Flight) => Landing): void {
    const mark = this.#inside();
    const guilty = this.flights.get(mark.inside);
    this.#die();
    if (guilty) {
      guilty.started = true;
      this.#take(guilty.no);
      guilty.land(verdict(guilty));
    }
    this.#landAll(mark.newest, guilty);
  }

  #die(): void {
    this.dead = true;
    // The inner process first: bubblewrap would report the end of its own.
    for (const pid of new Set([this.pid, this.#process.pid])) {
      try {
        if (pid) process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended by itself.
      }
    }
    this.#socket.destroy();
    this.#mark.close();
    this.#probe?.close();
    this.#probe = undefined;
  }

  #ended(signal: NodeJS.Signals | null): void {
    if (!this.dead) {
      const alone = this.flights.size === 1 ? [...this.flights.values()][0] : undefined;
      if (this.flights.size > 0) {
        this.#events.violation(
          this.#violation('worker_crashed', `The worker ended by ${signal ?? 'itself'}`),
        );
      }
      this.#die();
      if (alone) {
        alone.started = true;
        this.#take(alone.no);
        alone.land(signal === 'SIGABRT' ? ranOutOfMemory(alone.invocation.limits.memoryMb) : workerCrashed());
      }
      this.#landAll(undefined, alone);
    }
    this.#events.gone(this);
  }

  #landAll(newestStarted: number | undefined, guilty: Flight | undefined): void {
    for (const flight of [...this.flights.values()]) {
      if (flight === guilty) continue;
      this.#take(flight.no);
      flight.started = newestStarted === undefined || flight.no <= newestStarted;
      flight.land(
        flight.verdict ? { kind: 'ended', ...flight.verdict } : { kind: 'lost', started: flight.started },
      );
    }
    for (const { answer } of this.#inspections.values()) answer(undefined);
    this.#inspections.clear();
  }

  #take(no: number): Flight | undefined {
    const flight = this.flights.get(no);
    if (!flight) return undefined;
    this.flights.delete(no);
    const unit = this.#units.get(flight.invocation.unit.key);
    if (unit && unit.inFlight > 0) unit.inFlight--;
    if (this.inFlight === 0) this.#events.idle(this);
    return flight;
  }

  #handle(id: number, type: number, payload: string): void {
    if (this.dead) return;
    if (type === frameType.done) return this.#done(id, payload);
    const flight = this.flights.get(id);
    if (!flight || flight.verdict) return;
    switch (type) {
      case frameType.call:
        return this.#call(flight, payload);
      case frameType.log:
        if (!writeLog(flight, payload)) this.#misbehaved('log frames over the limit');
        return;
      case frameType.limit: {
        const [value, used, limit] = payload.split(' ');
        flight.limitsHit ??= [];
        if (flight.limitsHit.length < 16) {
          flight.limitsHit.push({
            limit: String(limit).slice(0, 64),
            value: Number(value),
            used: Number(used),
          });
        }
      }
    }
  }

  #done(no: number, payload: string): void {
    const inspection = this.#inspections.get(no);
    const numbers = this.#numbers;
    const text = payload.slice(readNumbers(payload, 2, numbers));
    if (inspection) {
      this.#inspections.delete(no);
      inspection.answer(text);
      if (this.inFlight === 0) this.#events.idle(this);
      return;
    }
    const flight = this.#take(no);
    if (!flight) return;
    const { usage } = flight;
    const [cpuUs = 0, wallUs = 0, heapKb = 0, hostCalls = 0, bytesIn = 0] = numbers;
    flight.started = payload[0] !== 'x' || wallUs > 0;
    usage.cpuMs = cpuUs / 1_000;
    usage.wallMs = wallUs / 1_000;
    usage.peakHeapMb = heapKb / 1_024;
    usage.hostCalls = hostCalls;
    usage.bytesIn = bytesIn;
    const unit = this.#units.get(flight.invocation.unit.key);
    if (unit) unit.heapMb = usage.peakHeapMb;
    flight.land(landingOf(flight, payload[0] ?? 'x', text));
  }

  #call(flight: Flight, payload: string): void {
    const { hostCalls, hostCallsInFlight } = flight.invocation.limits;
    // The worker's shim keeps these limits: more means that something else speaks.
    if (++flight.calls > hostCalls || flight.callsInFlight >= hostCallsInFlight) {
      return this.#misbehaved('host calls over the limit');
    }
    flight.callsInFlight++;
    answerHostCall(
      flight,
      payload,
      (reply) => {
        flight.callsInFlight--;
        if (!this.dead && this.flights.get(flight.no) === flight) {
          this.#writer.send(flight.no, frameType.reply, reply);
        }
      },
      (verdict) => {
        if (this.flights.get(flight.no) === flight) this.cut(flight, verdict, Date.now());
      },
    );
  }

  #misbehaved(why: string): void {
    this.#events.violation(this.#violation('protocol', why));
    this.kill();
  }

  #violation(kind: Violation['kind'], message: string): Violation {
    const executionIds = [...this.flights.values()].map((flight) => flight.invocation.executionId);
    return { cordon: this.cordon, executionIds, kind, message };
  }
}
