import type { Received } from '../record.js';
import type { Failures } from './failures.js';
import { Room } from './room.js';
import type { Sink } from './sink.js';
import type { PartitionTrack } from './track.js';

export type Handler = (record: Received) => Promise<void>;

interface Task {
  record: Received;
  track: PartitionTrack;
  /** Set while the key's order matters. */
  lane: string | null;
  /** The next record of the same key. */
  next: Task | undefined;
  failures: number;
  firstFailureMs: number;
  /** When its handler was called last. */
  startedMs: number;
  /** It hung and was put aside: what its handler says later counts no more. */
  abandoned: boolean;
}

export interface ProcessorOptions {
  handler: Handler;
  ordering: 'key' | 'none';
  /** Handlers that run at once; as many again may queue. */
  maxInFlight: number;
  failures: Failures;
}

const hungAfterMs = 60_000;
const watchEveryMs = 5_000;

/**
 * Runs records in parallel, those of one key one after the other in order. A slow or failing key holds up itself and
 * nothing else; its partition's watermark waits below it.
 */
export class Processor implements Sink {
  private readonly room: Room;
  private running = 0;
  private readonly inside = new Set<Task>();
  private cancelWatch: (() => void) | undefined;
  private stopped = false;
  private readonly lanes = new Map<string, Task>();
  private ready: Task[] = [];
  private readyHead = 0;
  private readonly waiting = new Set<() => void>();

  constructor(private readonly options: ProcessorOptions) {
    this.room = new Room({ records: options.maxInFlight * 2, resumeAt: options.maxInFlight });
  }

  accept(record: Received, track: PartitionTrack): void {
    const lane = this.options.ordering === 'key' && record.key !== null ? record.key : null;
    const task: Task = {
      record,
      track,
      lane,
      next: undefined,
      failures: 0,
      firstFailureMs: 0,
      startedMs: 0,
      abandoned: false,
    };
    this.room.enter(record);
    if (lane === null) {
      this.admit(task);
      return;
    }
    const last = this.lanes.get(lane);
    this.lanes.set(lane, task);
    if (last) last.next = task;
    else this.admit(task);
  }

  private admit(task: Task): void {
    if (this.running < this.options.maxInFlight) this.start(task);
    else this.ready.push(task);
  }

  private start(task: Task): void {
    if (this.stopped || !task.track.live) {
      this.release(task);
      return;
    }
    this.running += 1;
    this.run(task);
  }

  private run(task: Task): void {
    task.startedMs = this.options.failures.now();
    this.inside.add(task);
    this.cancelWatch ??= this.options.failures.timers.after(watchEveryMs, () => this.watch());
    // A handler that throws before its first await must fail its record, not the transport.
    let outcome: Promise<void>;
    try {
      outcome = this.options.handler(task.record);
    } catch (error) {
      this.inside.delete(task);
      this.failed(task, error);
      return;
    }
    outcome.then(
      () => {
        this.inside.delete(task);
        if (!task.abandoned) this.finish(task);
      },
      (error: unknown) => {
        this.inside.delete(task);
        if (!task.abandoned) this.failed(task, error);
      },
    );
  }

  /** A handler that never answers must not hold back what its partition may commit. */
  private watch(): void {
    this.cancelWatch = undefined;
    const { failures } = this.options;
    const since = failures.now() - hungAfterMs;
    for (const task of this.inside) {
      // A Set keeps the order in which they started.
      if (task.startedMs > since) break;
      this.inside.delete(task);
      if (!task.track.live) continue;
      task.abandoned = true;
      void failures.putHungAside(task.record).then((done) => (done ? this.finish(task) : this.leave(task)));
    }
    if (this.inside.size > 0 && !this.stopped)
      this.cancelWatch = failures.timers.after(watchEveryMs, () => this.watch());
  }

  private failed(task: Task, error: unknown): void {
    if (this.stopped || !task.track.live) {
      this.leave(task);
      return;
    }
    const { failures } = this.options;
    task.failures += 1;
    if (task.failures === 1) task.firstFailureMs = failures.now();
    const delayMs = failures.nextDelayMs(error, task.failures, task.firstFailureMs);
    if (delayMs === undefined) {
      void failures.giveUp(task.record, error).then((done) => (done ? this.finish(task) : this.leave(task)));
      return;
    }
    const again = () => {
      this.waiting.delete(skip);
      if (this.stopped || !task.track.live) return this.leave(task);
      task.record.attempt += 1;
      this.run(task);
    };
    const cancel = failures.timers.after(delayMs, again);
    const skip = () => {
      cancel();
      this.leave(task);
    };
    this.waiting.add(skip);
  }

  private finish(task: Task): void {
    if (task.track.live) task.track.finish(Number(task.record.offset));
    this.leave(task);
  }

  /** The task no longer runs; the next of its key and the next that waits for a place may. */
  private leave(task: Task): void {
    this.running -= 1;
    this.release(task);
    while (this.readyHead < this.ready.length && this.running < this.options.maxInFlight) {
      const next = this.ready[this.readyHead++] as Task;
      if (this.readyHead === this.ready.length) {
        this.ready = [];
        this.readyHead = 0;
      }
      this.start(next);
    }
  }

  private release(task: Task): void {
    // A loop and not recursion: after a rebalance a whole queue of one key may be dropped here.
    for (let done: Task | undefined = task; done;) {
      this.room.leave(done.record);
      const next: Task | undefined = done.next;
      done = undefined;
      if (!next) {
        if (task.lane !== null) this.lanes.delete(task.lane);
      } else if (this.stopped || !next.track.live) done = next;
      else this.admit(next);
    }
    this.room.settle();
  }

  get held(): number {
    return this.room.held;
  }

  get isFull(): boolean {
    return this.room.isFull;
  }

  set onRoom(run: () => void) {
    this.room.onRoom = run;
  }

  idle(): Promise<void> {
    return this.room.idle();
  }

  stop(): void {
    this.stopped = true;
    this.cancelWatch?.();
    this.options.failures.stop();
    for (const skip of [...this.waiting]) skip();
    this.waiting.clear();
  }
}
