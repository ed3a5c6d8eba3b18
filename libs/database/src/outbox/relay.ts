import { setTimeout as delay } from 'node:timers/promises';
import type { Bus } from '@mortise/bus';
import type { Clock, Logger } from '@mortise/service-kit';
import type { Client, QueryConfig } from 'pg';
import type { Database } from '../database.js';
import { Lanes } from './lanes.js';
import { receivedOf, recordOf, selectDue, selectNow, type OutboxRow } from './rows.js';
import { Shards } from './shards.js';

/** What the relay needs of the bus. */
export type RelayBus = Pick<Bus, 'send' | 'redeliver'>;

const busyMs = 20;
const idleMs = 500;
const dueMs = 100;
const balanceMs = 500;
const tellMs = 10;
/** Who asks the database nothing for so long has lost its shards: another relay sends within this and `balanceMs`. */
export const leaseMs = 2_000;
// Counted here from the answer, there from before it.
const trustMs = leaseMs - 100;
const rowsOfShard = 125;
// A look that found nothing but rows which are left out may have walked a long backlog: it has a tenth of the time, and
// what is new waits no longer than this.
const restAfterNothing = 9;
const longestRestMs = 2_000;
const dueAtOnce = 500;
const retryMs = { first: 50, most: 5_000 };
const parkedMs = { first: 60_000, most: 3_600_000 };

// A lost delete only sends again, so it need not wait for the disk. A queue's statistics are always wrong, and a plan
// that sorts a long backlog for each batch would make the relay slower the more it is behind.
const session = `set synchronous_commit to off; set plan_cache_mode to force_generic_plan;
  set enable_bitmapscan to off; set enable_seqscan to off`;

/** Half of it is chance, so that many rows that failed together do not come back together. */
export const backOff = (attempt: number, { first, most }: { first: number; most: number }): number => {
  const full = Math.min(most, first * 2 ** Math.min(attempt, 20));
  return full / 2 + (Math.random() * full) / 2;
};

/**
 * One life of the relay: from getting its connection, which holds its shards, to losing it. Reads rows, hands them
 * to the bus and deletes them once the bus has taken them; a death in between only sends them again.
 */
export class Relay {
  private readonly lanes = new Lanes((batch) => this.deliver(batch));
  private readonly shards: Shards;
  private readonly stop = new AbortController();
  private done: OutboxRow[] = [];
  private postponed: { row: OutboxRow; reason: string }[] = [];
  private releasing = new Set<number>();
  private kicked = true;
  /** There is room again for what a fetch has left out. */
  private hasRoom = false;
  private restUntil = 0;
  private wake: () => void = () => {};
  /** Shards of others with new rows: their relays need not wait for their next look. */
  private foreign = new Set<number>();
  private heardAt = performance.now();
  private readonly channel: string;
  private ended = false;
  private draining = false;
  private finished: Promise<void> = Promise.resolve();

  constructor(
    private readonly client: Client,
    private readonly o: { db: Database; bus: RelayBus; clock: Clock; logger: Logger },
  ) {
    this.channel = `outbox_${o.db.service}`;
    this.shards = new Shards((text, values) => this.query(text, values), o.db.service);
    client.on('end', () => this.end());
    client.on('error', () => this.end());
    client.on('notification', ({ payload = '' }) => {
      if (payload.split(',').some((shard) => this.shards.owned.has(Number(shard)))) this.kick([]);
    });
  }

  /** There are new rows, in these shards. */
  kick(shards: Iterable<number>): void {
    for (const shard of shards) if (!this.shards.owned.has(shard)) this.foreign.add(shard);
    this.kicked = true;
    this.wake();
  }

  /** Finishes what is under way, for at most `graceMs`; what is not finished then is sent again by another relay. */
  async close(graceMs: number): Promise<void> {
    this.draining = true;
    this.wake();
    const limit = setTimeout(() => this.end(), graceMs);
    limit.unref();
    await this.finished.catch(() => {});
    clearTimeout(limit);
    this.end();
  }

  /** Resolves when the relay is closed or has lost its connection. */
  run(): Promise<void> {
    this.finished = this.loop().finally(() => this.end());
    return this.finished;
  }

  private end(): void {
    this.ended = true;
    this.stop.abort();
    this.wake();
    // Whatever went wrong: a connection that is left open would keep its shards from everybody.
    this.client.end().catch(() => {});
  }

  private async query<R extends object>(query: string | QueryConfig, values?: unknown[]): Promise<R[]> {
    const { rows } = await this.client.query<R>(query as string, values);
    this.heardAt = performance.now();
    return rows;
  }

  private async loop(): Promise<void> {
    await this.query(session);
    await this.query(`listen ${this.channel}`);
    let [nextBalance, nextPoll, nextDue, nextTell] = [0, 0, 0, 0];
    while (!this.ended) {
      const woken = this.awaken();
      const now = performance.now();
      await this.settle();
      if (now >= nextBalance) {
        // A relay that drains still has to show that it lives.
        await (this.draining ? this.query('select') : this.balance());
        nextBalance = now + balanceMs;
      }
      if (this.foreign.size > 0 && now >= nextTell) {
        await this.tell();
        nextTell = now + tellMs;
      }
      if (this.draining) {
        if (this.underWay() === 0) return;
      } else {
        if (now >= this.nextFetch(nextPoll)) {
          this.kicked = this.hasRoom = false;
          const due = now >= nextDue;
          if (due) nextDue = now + dueMs;
          const busy = await this.fetch(due);
          nextPoll = performance.now() + (busy ? busyMs : idleMs);
        }
      }
      const next = Math.min(
        this.nextFetch(nextPoll),
        nextBalance,
        this.foreign.size > 0 ? nextTell : Infinity,
      );
      const pause = this.draining ? busyMs : next - performance.now();
      if (pause > 0 && this.done.length === 0) await woken(pause);
    }
  }

  private nextFetch(nextPoll: number): number {
    this.hasRoom ||= this.lanes.takeRoom();
    if (this.hasRoom) return 0;
    return Math.max(this.lanes.anyFull ? this.restUntil : 0, this.kicked ? 0 : nextPoll);
  }

  /** Taken before the work of a round, so that a kick during the work is not missed. */
  private awaken(): (ms: number) => Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.wake = resolve;
    return async (ms) => {
      const timer = setTimeout(resolve, ms);
      await promise;
      clearTimeout(timer);
    };
  }

  /** @returns whether there was anything */
  private async fetch(due: boolean): Promise<boolean> {
    const shards = [...this.shards.owned].filter((shard) => !this.releasing.has(shard));
    if (shards.length === 0) return false;
    const held = this.lanes.heldIds;
    const { lanes, topics } = this.lanes.full();
    const started = performance.now();
    const now = await this.query<OutboxRow>({
      name: 'outbox-now',
      text: selectNow,
      values: [
        shards,
        held,
        lanes.map(({ topic }) => topic),
        lanes.map(({ key }) => key),
        topics,
        rowsOfShard,
      ],
    });
    const tookMs = performance.now() - started;
    if (now.length === 0 && lanes.length + topics.length > 0)
      this.restUntil = performance.now() + Math.min(longestRestMs, restAfterNothing * tookMs);
    const later = due
      ? await this.query<OutboxRow>({
          name: 'outbox-due',
          text: selectDue,
          values: [shards, held, new Date(this.o.clock.now()), dueAtOnce],
        })
      : [];
    for (const row of [...now, ...later]) this.lanes.add(row);
    // A full batch says that more is there: no pause before the next one.
    if (now.length >= rowsOfShard || later.length === dueAtOnce) this.kicked = true;
    return now.length + later.length > 0;
  }

  private async deliver(batch: OutboxRow[]): Promise<void> {
    const [first] = batch;
    if (!first) return;
    if (first.consumerGroup !== null) return this.redeliver(first, first.consumerGroup);
    for (let attempt = 0; !this.ended; attempt++) {
      if (this.releasing.has(first.shard) || this.draining) return this.leave(batch);
      if (this.isLost()) return this.end();
      try {
        await this.o.bus.send(batch.map(recordOf));
        this.done.push(...batch);
        this.wake();
        return;
      } catch (error) {
        const facts = { topic: first.topic, rows: batch.length, attempt, error: String(error) };
        this.o.logger.warn(facts, 'outbox rows not sent: trying again');
        await delay(backOff(attempt, retryMs), undefined, { signal: this.stop.signal }).catch(() => {});
      }
    }
  }

  /** Stopped for a while, or cut off: others have the shards by now, and have sent what is held here. */
  private isLost(): boolean {
    return performance.now() - this.heardAt > trustMs;
  }

  /** One message for many commits: a NOTIFY in each would make them queue for its lock. */
  private async tell(): Promise<void> {
    const shards = [...this.foreign].join();
    this.foreign.clear();
    await this.query('select pg_notify($1, $2)', [this.channel, shards]);
  }

  private async redeliver(row: OutboxRow, group: string): Promise<void> {
    if (this.isLost()) return this.end();
    try {
      await this.o.bus.redeliver(group, receivedOf(row));
      this.done.push(row);
    } catch (error) {
      this.o.logger.warn(
        { topic: row.topic, group, attempt: row.attempt + 1, error: String(error) },
        'parked again',
      );
      this.postponed.push({ row, reason: String(error) });
    }
    this.wake();
  }

  /** Leaves rows in the table for whoever owns their shard next. */
  private leave(batch: OutboxRow[]): void {
    for (const row of batch) this.lanes.forget(row);
    this.wake();
  }

  /** Deletes what the bus has taken; puts off what a handler refused again. */
  private async settle(): Promise<void> {
    const { done, postponed } = this;
    this.done = [];
    this.postponed = [];
    if (done.length > 0) {
      await this.query({
        name: 'outbox-delete',
        text: 'delete from outbox where id = any ($1::bigint[])',
        values: [done.map(({ id }) => id)],
      });
      for (const row of done) this.lanes.forget(row);
    }
    for (const { row, reason } of postponed) {
      const dueAt = new Date(this.o.clock.now() + backOff(row.attempt, parkedMs));
      await this.query('update outbox set due_at = $2, attempt = attempt + 1, reason = $3 where id = $1', [
        row.id,
        dueAt,
        reason.slice(0, 2_000),
      ]);
      this.lanes.forget(row);
    }
    for (const shard of this.releasing) {
      if (this.lanes.holds(shard)) continue;
      await this.shards.release(shard);
      this.releasing.delete(shard);
    }
  }

  private async balance(): Promise<void> {
    const before = this.shards.owned.size;
    const surplus = await this.shards.balance();
    if (this.shards.owned.size > before) this.kicked = true;
    for (const shard of [...this.shards.owned].slice(0, surplus - this.releasing.size)) {
      this.releasing.add(shard);
      this.lanes.dropWaiting(shard);
    }
  }

  private underWay(): number {
    for (const shard of this.shards.owned) this.lanes.dropWaiting(shard);
    return this.lanes.size;
  }
}
