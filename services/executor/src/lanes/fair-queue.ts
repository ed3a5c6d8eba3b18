import { Fifo } from './fifo.js';
import { isOpen, type Gate, type Gates, type LaneName } from './gates.js';

export interface FairOptions {
  lane: LaneName;
  /** Runs at the same time. */
  slots: number;
  /** Of them one tenant's. */
  tenantSlots: number;
}

/** CPU a tenant may use before it is the next one's turn. */
export const quantumMs = 5;
/** The longest debt that is remembered (20 s): what is over it is forgiven, so that no tenant waits for ever. */
export const mostRounds = 4_096;
/** What a run costs at least: to start it and to tell of it is work too. */
const leastMs = 0.2;

interface Tenant<T> {
  id: string;
  running: number;
  waiting: number;
  /** Runs that lent their slots: they come back. */
  resting: number;
  /** CPU milliseconds it may still use; below zero it waits until enough rounds have paid for it. */
  deficitMs: number;
  /** The round up to which it was paid. */
  round: number;
  /** It stands in the wheel. */
  placed: boolean;
  /** Its installations that may start something, in turn. */
  ready: Fifo<Seat<T>>;
}

/** One installation in one lane, as long as something of it runs or waits there. */
export interface Seat<T> {
  readonly installationId: string;
  readonly tenant: Tenant<T>;
  readonly gate: Gate;
  readonly waiting: Fifo<T>;
  running: number;
  listed: boolean;
  /** CPU that its runs took lately: what the next one is charged before anybody knows. */
  expectedMs: number;
}

/** Leave to run: to be given back with what the run took. */
export interface Granted<T> {
  seat: Seat<T>;
  chargedMs: number;
}

const isIdle = ({ running, resting }: Tenant<unknown>): boolean => running === 0 && resting === 0;

/**
 * Deficit round robin over tenants, by the CPU their runs used. Who has used more than its part waits in a wheel, as
 * many rounds ahead as pay for it, so that finding the next one costs the same with ten tenants and ten thousand.
 * Within a tenant its installations take turns, within an installation the order is kept.
 */
export class FairQueue<T> {
  running = 0;
  waiting = 0;
  slots: number;
  /** Tenants and rounds looked at so far: what picking has cost. */
  steps = 0;
  readonly tenantSlots: number;
  private readonly lane: LaneName;
  private round = 0;
  private placed = 0;
  private readonly wheel = Array.from({ length: mostRounds }, () => new Fifo<Tenant<T>>());
  private readonly tenants = new Map<string, Tenant<T>>();
  private readonly seats = new Map<string, Seat<T>>();

  constructor(
    private readonly gates: Gates,
    options: FairOptions,
  ) {
    this.slots = options.slots;
    this.tenantSlots = options.tenantSlots;
    this.lane = options.lane;
  }

  /** The installation's place in this lane: to be started in, waited in or given up at once. */
  seat(tenantId: string, installationId: string, concurrency: number): Seat<T> {
    let seat = this.seats.get(installationId);
    if (!seat) {
      seat = {
        installationId,
        tenant: this.tenant(tenantId),
        gate: this.gates.use(installationId),
        waiting: new Fifo(),
        running: 0,
        listed: false,
        expectedMs: leastMs,
      };
      this.seats.set(installationId, seat);
    }
    seat.gate.most = concurrency;
    return seat;
  }

  /** Starts at once when a place is free: nobody that could take it waits then. */
  start(seat: Seat<T>): Granted<T> | undefined {
    const { tenant, gate } = seat;
    if (this.running >= this.slots || tenant.running >= this.tenantSlots) return undefined;
    if (seat.waiting.size > 0 || !isOpen(gate, this.lane)) return undefined;
    return this.grant(seat);
  }

  /** Neither started nor waited. */
  giveUp(seat: Seat<T>): void {
    if (seat.running > 0 || seat.waiting.size > 0) return;
    this.drop(seat);
    this.place(seat.tenant);
  }

  wait(seat: Seat<T>, item: T): void {
    seat.waiting.push(item);
    seat.tenant.waiting += 1;
    this.waiting += 1;
    this.list(seat);
  }

  /** The next that may run, counted as running from now on; undefined when nobody may. */
  next(): (Granted<T> & { item: T }) | undefined {
    if (this.waiting === 0) return this.forgive();
    if (this.running >= this.slots) return undefined;
    while (this.placed > 0) {
      const tenant = this.turn();
      this.pay(tenant);
      if (!this.isReady(tenant) || tenant.deficitMs <= 0) {
        this.place(tenant);
        continue;
      }
      const seat = tenant.ready.shift() as Seat<T>;
      seat.listed = false;
      const item = isOpen(seat.gate, this.lane) ? seat.waiting.shift() : undefined;
      if (item === undefined) {
        this.place(tenant);
        continue;
      }
      tenant.waiting -= 1;
      this.waiting -= 1;
      const granted = this.grant(seat);
      this.list(seat);
      this.place(tenant);
      return { ...granted, item };
    }
    return undefined;
  }

  /** A run has ended. @param cpuMs what it took */
  leave({ seat, chargedMs }: Granted<T>, cpuMs: number): void {
    const { tenant, gate } = seat;
    const cost = Math.max(leastMs, cpuMs);
    seat.expectedMs += (cost - seat.expectedMs) / 8;
    this.charge(tenant, cost - chargedMs);
    this.running -= 1;
    tenant.running -= 1;
    seat.running -= 1;
    gate.running -= 1;
    if (this.lane === 'background') gate.background -= 1;
    this.list(seat);
    this.place(tenant);
    if (seat.running === 0 && seat.waiting.size === 0) this.drop(seat);
  }

  /** A run that waits for another one leaves its slot to others; its installation's place it keeps. */
  rest({ seat: { tenant } }: Granted<T>): void {
    this.running -= 1;
    tenant.running -= 1;
    tenant.resting += 1;
    this.place(tenant);
  }

  /** It goes on at once: it is half done, and others may wait for it. */
  resume({ seat: { tenant } }: Granted<T>): void {
    this.running += 1;
    tenant.running += 1;
    tenant.resting -= 1;
  }

  /** A place of the installation came free in another lane. */
  reopen(installationId: string): void {
    const seat = this.seats.get(installationId);
    if (seat) this.list(seat);
  }

  /** How many of the tenant wait. */
  waitingOf(tenantId: string): number {
    return this.tenants.get(tenantId)?.waiting ?? 0;
  }

  /** For tests and operators: what each tenant has left. */
  deficits(): ReadonlyMap<string, number> {
    return new Map([...this.tenants].map(([id, { deficitMs }]) => [id, deficitMs]));
  }

  private tenant(id: string): Tenant<T> {
    let tenant = this.tenants.get(id);
    if (!tenant) {
      const { round } = this;
      tenant = {
        id,
        running: 0,
        waiting: 0,
        resting: 0,
        // Its turn comes with the next round: who comes and goes must not keep this one from ending.
        deficitMs: 0,
        round,
        placed: false,
        ready: new Fifo(),
      };
      this.tenants.set(id, tenant);
    }
    return tenant;
  }

  private grant(seat: Seat<T>): Granted<T> {
    const { tenant, gate, expectedMs } = seat;
    this.charge(tenant, expectedMs);
    this.running += 1;
    tenant.running += 1;
    seat.running += 1;
    gate.running += 1;
    if (this.lane === 'background') gate.background += 1;
    return { seat, chargedMs: expectedMs };
  }

  private charge(tenant: Tenant<T>, costMs: number): void {
    this.pay(tenant);
    const left = tenant.deficitMs - costMs;
    tenant.deficitMs = Math.max(-quantumMs * (mostRounds - 2), Math.min(quantumMs, left));
  }

  /** What the rounds since the last time gave it; saved up is one quantum at most. */
  private pay(tenant: Tenant<T>): void {
    const rounds = this.round - tenant.round;
    tenant.round = this.round;
    if (rounds > 0) tenant.deficitMs = Math.min(quantumMs, tenant.deficitMs + rounds * quantumMs);
  }

  private isReady(tenant: Tenant<T>): boolean {
    return tenant.ready.size > 0 && tenant.running < this.tenantSlots;
  }

  /** Lists an installation that may start something with its tenant. */
  private list(seat: Seat<T>): void {
    if (seat.listed || seat.waiting.size === 0 || !isOpen(seat.gate, this.lane)) return;
    seat.listed = true;
    seat.tenant.ready.push(seat);
    this.place(seat.tenant);
  }

  /** Puts a tenant where its turn comes: now, or when enough rounds have passed to pay its debt. */
  private place(tenant: Tenant<T>): void {
    if (tenant.placed || !this.isReady(tenant)) {
      if (!tenant.placed && isIdle(tenant) && tenant.waiting === 0) this.settle(tenant);
      return;
    }
    this.put(tenant);
  }

  private put(tenant: Tenant<T>): void {
    this.pay(tenant);
    const rounds = tenant.deficitMs > 0 ? 0 : Math.floor(-tenant.deficitMs / quantumMs) + 1;
    tenant.placed = true;
    this.placed += 1;
    this.wheel[(this.round + rounds) % mostRounds]?.push(tenant);
  }

  /** Who has nothing left to run is forgotten once its debt is paid, or nobody waits. */
  private settle(tenant: Tenant<T>): void {
    if (tenant.deficitMs <= 0 && this.waiting > 0) this.put(tenant);
    else this.tenants.delete(tenant.id);
  }

  private turn(): Tenant<T> {
    for (;;) {
      this.steps += 1;
      const tenant = this.wheel[this.round % mostRounds]?.shift();
      if (tenant) {
        tenant.placed = false;
        this.placed -= 1;
        return tenant;
      }
      this.round += 1;
    }
  }

  private forgive(): undefined {
    while (this.placed > 0) {
      const tenant = this.turn();
      if (isIdle(tenant)) this.tenants.delete(tenant.id);
    }
  }

  private drop(seat: Seat<T>): void {
    this.seats.delete(seat.installationId);
    this.gates.free(seat.installationId);
  }
}
