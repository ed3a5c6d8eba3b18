import type { UnitKey } from './types.js';

export type Lane = 'fast' | 'slow';

/** An entry into an isolate that takes longer than this keeps its neighbours waiting: a strike. */
const longMs = 15;
const strike = 4;
/** Three long ones in a row, or more than about one in twenty for a while. */
const slowAt = 12;
const forgiven = 0.2;
/** To come back every one of so many runs has to be well below what counts as long. */
const shortMs = 8;
const calmRuns = 100;
const kept = 10_000;

interface Record {
  lane: Lane;
  strikes: number;
  calm: number;
}

/**
 * Which plugins of which tenants hold the processor long at a time. They run in a worker of their own, the slow lane of
 * their cordon; who only now and then is slow stays where it is, and who has become quick comes back later than it went.
 * It knows those with a strike only: nothing is looked up while there is none.
 */
export class CpuHistory {
  /** Oldest first. */
  readonly #records = new Map<string, Record>();

  laneOf(unit: UnitKey): Lane {
    if (this.#records.size === 0) return 'fast';
    return this.#records.get(nameOf(unit))?.lane ?? 'fast';
  }

  /**
   * A run has ended. @param longestMs processor time of its longest entry
   * @returns true when the plugin changes its lane
   */
  note(unit: UnitKey, longestMs: number): boolean {
    if (this.#records.size === 0 && longestMs <= longMs) return false;
    const name = nameOf(unit);
    const record = this.#records.get(name);
    if (!record) {
      if (longestMs > longMs) this.#add(name, { lane: 'fast', strikes: strike, calm: 0 });
      return false;
    }
    return record.lane === 'fast'
      ? this.#noteFast(name, record, longestMs)
      : this.#noteSlow(name, record, longestMs);
  }

  /** It holds its worker right now: no need to wait for the end of the run. */
  convict(unit: UnitKey): void {
    this.#add(nameOf(unit), { lane: 'slow', strikes: slowAt, calm: 0 });
  }

  /** How many plugins are in the slow lane. */
  get slow(): number {
    let count = 0;
    for (const { lane } of this.#records.values()) if (lane === 'slow') count++;
    return count;
  }

  #noteFast(name: string, record: Record, longestMs: number): boolean {
    record.strikes = longestMs > longMs ? record.strikes + strike : record.strikes - forgiven;
    if (record.strikes <= 0) this.#records.delete(name);
    if (record.strikes < slowAt) return false;
    record.lane = 'slow';
    record.calm = 0;
    return true;
  }

  #noteSlow(name: string, record: Record, longestMs: number): boolean {
    record.calm = longestMs <= shortMs ? record.calm + 1 : 0;
    if (record.calm < calmRuns) return false;
    this.#records.delete(name);
    return true;
  }

  #add(name: string, record: Record): void {
    const [oldest] = this.#records.keys();
    if (this.#records.size >= kept && oldest !== undefined) this.#records.delete(oldest);
    this.#records.set(name, record);
  }
}

/** The plugin in its tenant, whatever the revision of its configuration. */
const nameOf = ({ tenantId, digest }: UnitKey): string => `${tenantId}/${digest}`;
