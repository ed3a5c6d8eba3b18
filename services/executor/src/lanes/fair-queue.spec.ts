import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FairQueue, mostRounds, quantumMs, type Granted } from './fair-queue.js';
import { backgroundShare, Gates } from './gates.js';

interface Job {
  tenant: number;
  installation: number;
  cpuMs: number;
}
interface Under {
  job: Job;
  granted: Granted<Job>;
}

const nameOf = ({ tenant, installation }: Job) => `t${tenant}/i${installation}`;
const capOf = ({ installation }: Job) => 1 + (installation % 3);

/** A lane with what runs in it. */
class World {
  readonly gates = new Gates();
  readonly queue: FairQueue<Job>;
  readonly running: Under[] = [];
  readonly waiting: Job[] = [];
  readonly cpuOf = new Map<number, number>();

  constructor(
    readonly slots: number,
    readonly tenantSlots: number,
    lane: 'interactive' | 'background' = 'interactive',
  ) {
    this.queue = new FairQueue(this.gates, { lane, slots, tenantSlots });
  }

  arrive(job: Job): void {
    const seat = this.queue.seat(`t${job.tenant}`, nameOf(job), capOf(job));
    const granted = this.queue.start(seat);
    if (granted) this.running.push({ job, granted });
    else {
      this.queue.wait(seat, job);
      this.waiting.push(job);
    }
  }

  /** Ends the nth of those that run and starts whatever may start then. */
  end(index: number): void {
    const [under] = this.running.splice(index % this.running.length, 1);
    if (!under) return;
    this.cpuOf.set(under.job.tenant, (this.cpuOf.get(under.job.tenant) ?? 0) + under.job.cpuMs);
    this.queue.leave(under.granted, under.job.cpuMs);
    this.fill();
  }

  fill(): void {
    for (let next = this.queue.next(); next; next = this.queue.next()) {
      const { item: job } = next;
      // Within an installation the order is kept.
      const first = this.waiting.findIndex((other) => nameOf(other) === nameOf(job));
      expect(this.waiting[first]).toBe(job);
      this.waiting.splice(first, 1);
      this.running.push({ job, granted: next });
    }
  }

  count(match: (job: Job) => boolean): number {
    return this.running.filter(({ job }) => match(job)).length;
  }
}

const job = fc.record({
  tenant: fc.integer({ min: 0, max: 5 }),
  installation: fc.integer({ min: 0, max: 3 }),
  cpuMs: fc.oneof(
    fc.double({ min: 0, max: 2, noNaN: true }),
    fc.double({ min: 0, max: 40_000, noNaN: true }),
  ),
});
const act = fc.oneof(
  { weight: 3, arbitrary: job.map((arrives) => ({ arrives })) },
  { weight: 2, arbitrary: fc.nat().map((ends) => ({ ends })) },
);
const acts = fc.array(act, { maxLength: 300 });
const size = fc.integer({ min: 1, max: 6 });

const play = (world: World, moves: ({ arrives: Job } | { ends: number })[], check: () => void) => {
  for (const move of moves) {
    if ('arrives' in move) world.arrive(move.arrives);
    else if (world.running.length > 0) world.end(move.ends);
    check();
  }
};

describe('the fair queue, whatever comes and ends in whatever order', () => {
  it('never runs more than the slots, the tenant and the installation allow', () => {
    fc.assert(
      fc.property(acts, size, size, (moves, slots, tenantSlots) => {
        const world = new World(slots, tenantSlots);
        play(world, moves, () => {
          expect(world.queue.running).toBe(world.running.length);
          expect(world.running.length).toBeLessThanOrEqual(slots);
          for (const { job: one } of world.running) {
            expect(world.count(({ tenant }) => tenant === one.tenant)).toBeLessThanOrEqual(tenantSlots);
            expect(world.count((other) => nameOf(other) === nameOf(one))).toBeLessThanOrEqual(capOf(one));
          }
        });
      }),
    );
  });

  it('leaves no slot empty that somebody who waits may take', () => {
    fc.assert(
      fc.property(acts, size, size, (moves, slots, tenantSlots) => {
        const world = new World(slots, tenantSlots);
        play(world, moves, () => {
          if (world.running.length === slots) return;
          for (const one of world.waiting) {
            const blocked =
              world.count(({ tenant }) => tenant === one.tenant) === tenantSlots ||
              world.count((other) => nameOf(other) === nameOf(one)) === capOf(one);
            expect(blocked, `${nameOf(one)} waits for nothing`).toBe(true);
          }
        });
      }),
    );
  });

  it('keeps what tenants owe and own within bounds', () => {
    fc.assert(
      fc.property(acts, size, (moves, slots) => {
        const world = new World(slots, slots);
        play(world, moves, () => {
          for (const deficitMs of world.queue.deficits().values()) {
            expect(deficitMs).toBeLessThanOrEqual(quantumMs);
            expect(deficitMs).toBeGreaterThanOrEqual(-quantumMs * mostRounds);
          }
        });
      }),
    );
  });

  it('runs everything in the end, each installation in its order, and then remembers nobody', () => {
    fc.assert(
      fc.property(acts, size, size, (moves, slots, tenantSlots) => {
        const world = new World(slots, tenantSlots);
        play(world, moves, () => {});
        while (world.running.length > 0) world.end(0);

        expect(world.waiting).toEqual([]);
        expect(world.queue.waiting).toBe(0);
        world.queue.next();
        expect(world.queue.deficits().size).toBe(0);
        expect(world.gates.size).toBe(0);
      }),
    );
  });

  it('gives tenants that always want more the same CPU, whatever one run of theirs costs', () => {
    const cost = fc.integer({ min: 1, max: 60 });
    fc.assert(
      fc.property(
        fc.array(cost, { minLength: 2, maxLength: 8 }),
        // No more slots than one installation may hold: its cap must not decide.
        fc.integer({ min: 1, max: 3 }),
        (costs, slots) => {
          const world = new World(slots, slots);
          const arrive = (tenant: number) =>
            world.arrive({ tenant, installation: 2, cpuMs: costs[tenant] as number });
          for (let tenant = 0; tenant < costs.length; tenant++) for (let n = 0; n < 8; n++) arrive(tenant);
          const dearest = Math.max(...costs);
          const enoughMs = (dearest + quantumMs) * 10 * costs.length;
          for (let usedMs = 0; usedMs < enoughMs;) {
            const { tenant, cpuMs } = (world.running[0] as Under).job;
            usedMs += cpuMs;
            world.end(0);
            arrive(tenant);
          }

          const shares = costs.map((_, tenant) => world.cpuOf.get(tenant) ?? 0);
          // Nobody is ahead by more than a turn's quantum and the runs that were under way when it was over.
          expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(
            2 * (quantumMs + (slots + 1) * dearest),
          );
        },
      ),
      { numRuns: 30 },
    );
  });

  it('lets a newcomer in before the ten-thousandth run of one that floods', () => {
    const world = new World(4, 4);
    for (let n = 0; n < 10_000; n++) world.arrive({ tenant: 0, installation: n % 4, cpuMs: 30 });
    for (let n = 0; n < 50; n++) world.end(n);

    world.arrive({ tenant: 1, installation: 0, cpuMs: 1 });
    let ends = 0;
    while (world.count(({ tenant }) => tenant === 1) === 0) {
      world.end(0);
      ends += 1;
    }

    expect(ends).toBeLessThanOrEqual(4);
  });

  it('lets who owes much run again, however many come and go meanwhile', () => {
    const world = new World(1, 1);
    world.arrive({ tenant: 0, installation: 0, cpuMs: 1_000 });
    world.arrive({ tenant: 0, installation: 0, cpuMs: 1_000 });
    let ends = 0;
    for (; world.waiting.some(({ tenant }) => tenant === 0); ends++) {
      world.arrive({ tenant: ends + 1, installation: 0, cpuMs: 1 });
      world.end(0);
    }

    expect(ends).toBeLessThan(1_000 / quantumMs + 5);
  });

  it.each([10, 1_000, 20_000])('picks in a few steps with %i tenants waiting', (tenants) => {
    const world = new World(8, 8);
    for (let tenant = 0; tenant < tenants; tenant++)
      for (let n = 0; n < 3; n++)
        world.queue.wait(world.queue.seat(`t${tenant}`, `t${tenant}/i`, 2), {
          tenant,
          installation: 1,
          cpuMs: 3,
        });
    const running: Granted<Job>[] = [];
    let picks = 0;
    const fill = () => {
      for (let next = world.queue.next(); next; next = world.queue.next()) {
        running.push(next);
        picks += 1;
      }
    };
    fill();
    while (running.length > 0) {
      world.queue.leave(running.shift() as Granted<Job>, 3);
      fill();
    }

    expect(picks).toBe(tenants * 3);
    expect(world.queue.steps / picks).toBeLessThan(5);
  });
});

describe('an installation in two lanes', () => {
  it('keeps a part of its places for calls, and its cap over both', () => {
    const gates = new Gates();
    const options = { slots: 100, tenantSlots: 100 };
    const calls = new FairQueue<string>(gates, { lane: 'interactive', ...options });
    const jobs = new FairQueue<string>(gates, { lane: 'background', ...options });
    const startAll = (queue: FairQueue<string>) => {
      let started = 0;
      while (queue.start(queue.seat('t', 'i', 16))) started += 1;
      return started;
    };

    expect(startAll(jobs)).toBe(backgroundShare(16));
    expect(startAll(calls)).toBe(16 - backgroundShare(16));
  });

  it('of one place gives it to whoever comes first', () => {
    expect(backgroundShare(1)).toBe(1);
  });
});
