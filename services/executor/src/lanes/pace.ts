import { Fifo } from './fifo.js';

/** What a pace is made of, so that tests can be without time. */
export interface PaceGround {
  /** Milliseconds. */
  now(): number;
  /** Part of the time since it was last asked in which the process was busy, 0 to 1. */
  busy(): number;
  after(delayMs: number, run: () => void): () => void;
}

/** So long after a call somebody may still be calling. */
const quietAfterMs = 2_000;
const tickMs = 10;
const judgeMs = 100;
/** So busy the process may be with both: above it a call waits for what the background does. */
const mostBusy = 0.5;
const leastPerSecond = 100;
const mostPerSecond = 20_000;
const slower = 0.7;
const faster = 1.15;

/**
 * Takes background work in at a rate that leaves callers their time: as fast as it comes while nobody calls, else
 * slower while the process is busy and faster while it is not. What is not taken in stays where it is safe.
 */
export class Pace {
  private perSecond = 1_000;
  private tokens = 0;
  private filledMs = 0;
  private judgedMs = 0;
  private calledMs = -Infinity;
  private cancel: (() => void) | undefined;
  private readonly waiting = new Fifo<() => void>();

  constructor(private readonly ground: PaceGround) {}

  /** Somebody calls and waits. */
  called(): void {
    this.calledMs = this.ground.now();
  }

  /** Undefined when it may go on at once. */
  enter(): Promise<void> | undefined {
    if (this.waiting.size === 0 && this.take()) return undefined;
    this.cancel ??= this.ground.after(tickMs, () => this.tick());
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  /** Lets everything in that waits, and from now on whatever comes: the process ends. */
  close(): void {
    this.calledMs = -Infinity;
    this.called = () => {};
    this.cancel?.();
    this.tick();
  }

  get rate(): number {
    return this.perSecond;
  }

  private tick(): void {
    this.cancel = undefined;
    while (this.waiting.size > 0 && this.take()) this.waiting.shift()?.();
    if (this.waiting.size > 0) this.cancel = this.ground.after(tickMs, () => this.tick());
  }

  private take(): boolean {
    const now = this.ground.now();
    if (now - this.calledMs > quietAfterMs) return true;
    this.judge(now);
    const most = (this.perSecond * 2 * tickMs) / 1_000;
    this.tokens = Math.min(most, this.tokens + ((now - this.filledMs) * this.perSecond) / 1_000);
    this.filledMs = now;
    if (this.tokens < 1) return false;
    this.tokens -= 1;
    return true;
  }

  private judge(now: number): void {
    if (now - this.judgedMs < judgeMs) return;
    const busy = this.ground.busy();
    const isFirst = now - this.judgedMs > quietAfterMs;
    this.judgedMs = now;
    if (isFirst) return;
    const changed = this.perSecond * (busy > mostBusy ? slower : faster);
    this.perSecond = Math.max(leastPerSecond, Math.min(mostPerSecond, changed));
  }
}
