import { setTimeout as delay } from 'node:timers/promises';
import { encodeEvent, type BusRecord, type EventMeta, type Parking } from '@mortise/bus';
import type { EventDefinition, ServiceName } from '@mortise/contracts';
import { currentTraceparent, systemClock, type Clock, type Logger } from '@mortise/service-kit';
import type { Database, Tx } from '../database.js';
import { showOutbox } from './outbox-metrics.js';
import { backOff, leaseMs, Relay, type RelayBus } from './relay.js';
import { insertRows, insertValues, shardOf } from './rows.js';

export interface OutboxOptions {
  db: Database;
  bus: RelayBus;
  /** Whose events these are; default: the database's. */
  service?: ServiceName;
  logger: Logger;
  clock?: Clock;
}

/** An event's envelope and, for a delayed one, when it is due (milliseconds since 1970). */
export type OutboxMeta = EventMeta & { dueAt?: number | undefined };

const reconnectMs = { first: 100, most: 5_000 };

/**
 * Messages that are true exactly when the transaction is: written as rows beside the change, sent after the commit,
 * deleted when the bus has taken them. At least once; in order per (topic, key), except for delayed and parked ones.
 * `bus.parkWith(outbox)` lets the bus put aside what its handlers cannot do now.
 */
export class Outbox implements Parking {
  private readonly clock: Clock;
  private readonly stop = new AbortController();
  private relay: Relay | undefined;
  private running: Promise<void> | undefined;
  private stopShowing: () => void = () => {};

  constructor(private readonly o: OutboxOptions) {
    this.clock = o.clock ?? systemClock;
  }

  /** An event, in the transaction that changes what it tells. */
  async add<T extends object>(
    tx: Tx,
    def: EventDefinition<T>,
    data: T,
    meta: OutboxMeta = {},
  ): Promise<void> {
    const { dueAt, ...envelope } = meta;
    const source = envelope.source ?? `/${this.o.service ?? this.o.db.service}`;
    const time = envelope.time ?? new Date(this.clock.now()).toISOString();
    const traceparent = envelope.traceparent ?? currentTraceparent();
    await this.addRecords(tx, [encodeEvent(def, data, { ...envelope, source, time, traceparent })], {
      dueAt,
    });
  }

  /** Records that are encoded already; one statement however many. */
  async addRecords(tx: Tx, records: BusRecord[], o: { dueAt?: number | undefined } = {}): Promise<void> {
    if (records.length === 0) return;
    const shards = records.map(({ key }) => shardOf(key));
    await tx.query(insertRows, insertValues(records, shards, o));
    this.o.db.afterCommit(tx, () => this.relay?.kick(shards));
  }

  /** A record whose handler failed for too long: it comes back to that handler at `dueAt`. */
  async park(parked: Parameters<Parking['park']>[0]): Promise<void> {
    const { record, group, attempt, reason, dueAt } = parked;
    const origin = { partition: record.partition, offset: record.offset, timestamp: record.timestamp };
    const values = insertValues([record], [shardOf(record.key)], { dueAt, group, attempt, reason, origin });
    await this.o.db.system((tx) => tx.query(insertRows, values));
  }

  /** Starts relaying; resolves when the first connection stands. */
  async start(): Promise<void> {
    const first = await this.connect();
    this.running = this.keepRelaying(first);
    this.stopShowing = showOutbox(this.o.db, this.o.logger);
  }

  /** Finishes what is under way; what is not finished within the grace stays in the table. */
  async close(graceMs = 5_000): Promise<void> {
    this.stopShowing();
    this.stop.abort();
    await this.relay?.close(graceMs);
    await this.running;
  }

  private async connect(): Promise<Relay> {
    const client = await this.o.db.leased('relay', leaseMs);
    this.relay = new Relay(client, { ...this.o, clock: this.clock });
    return this.relay;
  }

  private async keepRelaying(first: Relay): Promise<void> {
    let next: Relay | undefined = first;
    for (let attempt = 0; !this.stop.signal.aborted; attempt++) {
      try {
        const relay: Relay = next ?? (await this.connect());
        next = undefined;
        attempt = 0;
        if (this.stop.signal.aborted) await relay.close(0);
        else await relay.run();
      } catch (error) {
        this.o.logger.warn({ error: String(error) }, 'outbox relay lost its connection: connecting again');
      }
      await delay(backOff(attempt, reconnectMs), undefined, { signal: this.stop.signal }).catch(() => {});
    }
  }
}
