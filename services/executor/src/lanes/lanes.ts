import { metrics } from '@mortise/service-kit';
import { FairQueue, type Granted } from './fair-queue.js';
import { Gates, type LaneName } from './gates.js';

export interface LanesOptions {
  interactiveSlots: number;
  backgroundSlots: number;
  /** Background runs that may wait in memory, of all tenants together. */
  backgroundRoom: number;
  /** The part of a lane's slots that one tenant may hold. */
  tenantPercent: number;
}

/** Whose run it is, and how many of them its installation may have at the same time. */
export interface Asker {
  tenantId: string;
  installationId: string;
  concurrency: number;
}

/** Leave to run. */
export interface Turn {
  /** To be called once, whatever became of the run. @param cpuMs what it took */
  end(cpuMs: number): void;
  /**
   * For a run that waits for another one: its slot is free for others until the work is done, so that runs which wait
   * for runs never fill a lane. It goes on without waiting again, over the slots if need be.
   */
  lend<T>(work: () => Promise<T>): Promise<T>;
}

/** Too many of this kind wait already. */
export interface Refused {
  limit: 'concurrency' | 'tenantConcurrency';
  value: number;
}

type Grant = (turn: Turn) => void;

const waitingNow = metrics.gauge('mortise_lane_waiting_executions');
const oldestWait = metrics.gauge('mortise_lane_oldest_wait_seconds');
const refusals = metrics.counter('mortise_lane_refusals_total');

/**
 * Decides what runs next. Each lane has slots of its own, so that no amount of background work takes those of callers
 * who wait; within a lane tenants share by CPU; installation and tenant have a cap each.
 */
export class Lanes {
  private readonly gates = new Gates();
  /** Since when each waits, in the order in which they came. */
  private readonly since = { interactive: new Map<symbol, number>(), background: new Map<symbol, number>() };
  private readonly queues: Record<LaneName, FairQueue<Grant>>;

  constructor(private readonly options: LanesOptions) {
    const make = (lane: LaneName, slots: number) => {
      const tenantSlots = Math.max(1, Math.floor((slots * options.tenantPercent) / 100));
      return new FairQueue<Grant>(this.gates, { lane, slots, tenantSlots });
    };
    const { interactiveSlots, backgroundSlots } = options;
    this.queues = {
      interactive: make('interactive', interactiveSlots),
      background: make('background', backgroundSlots),
    };
    waitingNow.watch((see) => {
      see(this.queues.interactive.waiting, { lane: 'interactive' });
      see(this.queues.background.waiting, { lane: 'background' });
    });
    oldestWait.watch((see) => {
      for (const lane of ['interactive', 'background'] as const)
        see(this.oldestWaitMs(lane) / 1_000, { lane });
    });
  }

  /** For a call that somebody waits for: as many of an installation may wait as may run. */
  interactive(asker: Asker): Turn | Promise<Turn> | Refused {
    return this.enter('interactive', asker, (waiting, ofTenant) => {
      if (waiting >= asker.concurrency) return { limit: 'concurrency', value: asker.concurrency };
      const most = this.queues.interactive.tenantSlots;
      return ofTenant >= most ? { limit: 'tenantConcurrency', value: most } : undefined;
    });
  }

  /**
   * For a background run. A tenant may fill as much of the waiting room as it leaves free: one that floods never has
   * all of it, and the more tenants flood the less each has.
   * @param patient waits whatever the room: it has an order to keep
   */
  background(asker: Asker, patient: boolean): Turn | Promise<Turn> | Refused {
    return this.enter('background', asker, (_waiting, ofTenant) => {
      const free = this.options.backgroundRoom - this.queues.background.waiting;
      return patient || ofTenant < free ? undefined : { limit: 'tenantConcurrency', value: ofTenant };
    });
  }

  /** How many background runs may be under way now; fewer make those that are over it wait for the next end. */
  set backgroundSlots(slots: number) {
    this.queues.background.slots = slots;
    this.serve('background');
  }
  get backgroundSlots(): number {
    return this.queues.background.slots;
  }

  /** How many background runs of the tenant wait. */
  waitingInBackground(tenantId: string): number {
    return this.queues.background.waitingOf(tenantId);
  }

  /** What runs and waits in a lane. */
  load(lane: LaneName): { running: number; waiting: number } {
    const { running, waiting } = this.queues[lane];
    return { running, waiting };
  }

  /** How long the first of those waits that wait in a lane. */
  oldestWaitMs(lane: LaneName): number {
    const [oldest] = this.since[lane].values();
    return oldest === undefined ? 0 : performance.now() - oldest;
  }

  private enter(
    lane: LaneName,
    { tenantId, installationId, concurrency }: Asker,
    judge: (waiting: number, ofTenant: number) => Refused | undefined,
  ): Turn | Promise<Turn> | Refused {
    const queue = this.queues[lane];
    const seat = queue.seat(tenantId, installationId, concurrency);
    const granted = queue.start(seat);
    if (granted) return this.turn(lane, granted);
    const refused = judge(seat.waiting.size, seat.tenant.waiting);
    if (refused) {
      queue.giveUp(seat);
      refusals.add(1, { lane, limit: refused.limit });
      return refused;
    }
    const place = Symbol('waiting');
    this.since[lane].set(place, performance.now());
    return new Promise((grant) =>
      queue.wait(seat, (turn) => {
        this.since[lane].delete(place);
        grant(turn);
      }),
    );
  }

  private turn(lane: LaneName, granted: Granted<Grant>): Turn {
    let ended = false;
    let lent = 0;
    const takeBack = () => {
      if (--lent === 0 && !ended) this.queues[lane].resume(granted);
    };
    return {
      lend: async (work) => {
        if (++lent === 1 && !ended) {
          this.queues[lane].rest(granted);
          this.serve(lane);
        }
        return work().finally(takeBack);
      },
      end: (cpuMs) => {
        if (ended) return;
        ended = true;
        if (lent > 0) this.queues[lane].resume(granted);
        const { installationId } = granted.seat;
        this.queues[lane].leave(granted, cpuMs);
        // Callers first: the place of the installation that came free may be theirs.
        this.queues[lane === 'interactive' ? 'background' : 'interactive'].reopen(installationId);
        this.serve('interactive');
        this.serve('background');
      },
    };
  }

  private serve(lane: LaneName): void {
    const queue = this.queues[lane];
    for (let next = queue.next(); next; next = queue.next()) next.item(this.turn(lane, next));
  }
}
