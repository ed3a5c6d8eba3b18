import { readdirSync, readFileSync } from 'node:fs';

const tickMs = 5;
const lookForWorkersEveryMs = 50;
const pageBytes = 4_096;

export interface Watched {
  /** The longest that the event loop of this process, the supervisor, kept a timer waiting. */
  lagMs: number;
  /** The most that one worker process grew over what it had when the watch began. */
  grownMb: number;
}

/** Watches this process and its sandbox workers from outside: by the clock and by what the kernel says. */
export class Watch {
  private lagMs = 0;
  private last = performance.now();
  private lookedAt = -Infinity;
  private readonly workers = new Map<number, { baseMb: number; peakMb: number }>();
  private readonly timer: NodeJS.Timeout;

  /** @param restMb what a worker takes that has not run anything: those that start later are measured from there */
  constructor(private readonly restMb: number) {
    this.look();
    this.timer = setInterval(() => this.tick(), tickMs);
  }

  stop(): Watched {
    clearInterval(this.timer);
    this.tick();
    const grown = [...this.workers.values()].map(({ baseMb, peakMb }) => peakMb - baseMb);
    return { lagMs: this.lagMs, grownMb: Math.max(0, ...grown) };
  }

  private tick(): void {
    const now = performance.now();
    this.lagMs = Math.max(this.lagMs, now - this.last - tickMs);
    this.last = now;
    if (now - this.lookedAt > lookForWorkersEveryMs) this.look();
    for (const [pid, worker] of this.workers) worker.peakMb = Math.max(worker.peakMb, rssMb(pid));
  }

  private look(): void {
    this.lookedAt = performance.now();
    for (const pid of workerPids()) {
      if (this.workers.has(pid)) continue;
      const baseMb = Math.max(this.restMb, rssMb(pid));
      this.workers.set(pid, { baseMb, peakMb: baseMb });
    }
  }
}

/** Processes below this one that run the sandbox's worker. */
export function workerPids(of: number = process.pid): number[] {
  const pids: number[] = [];
  for (const child of childrenOf(of)) {
    if (
      read(`/proc/${child}/cmdline`).includes('isolated-vm') &&
      !read(`/proc/${child}/comm`).startsWith('bwrap')
    )
      pids.push(child);
    else pids.push(...workerPids(child));
  }
  return pids;
}

export const rssMb = (pid: number): number =>
  (Number(read(`/proc/${pid}/statm`).split(' ')[1] ?? 0) * pageBytes) / 1_048_576;

function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      read(`/proc/${pid}/task/${task}/children`).split(' ').filter(Boolean).map(Number),
    );
  } catch {
    return [];
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // The process has just ended.
    return '';
  }
}
