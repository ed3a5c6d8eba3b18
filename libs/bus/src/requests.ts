import { headers as names } from '@mortise/contracts';
import { AppError, currentTraceparent, metrics, type Clock, type Logger } from '@mortise/service-kit';
import { randomBytes } from 'node:crypto';
import { Deadlines } from './engine/deadlines.js';
import type { Timers } from './engine/timing.js';
import type { BusRecord, Received } from './record.js';
import type { Transport } from './transport.js';

// Each holds its caller's promise and a deadline: beyond so many the answer is that there is no room.
const mostPending = 65_536;
const unclaimed = metrics.counter('mortise_bus_unclaimed_replies_total');

interface Pending {
  id: string;
  resolve: (reply: Received) => void;
  reject: (error: AppError) => void;
  /** More than one reply is waited for, until the deadline. */
  many?: true;
}

/** Who waits for which reply. Replies nobody waits for (late, or another instance's) are dropped. */
export class Requests {
  private readonly pending = new Map<string, Pending & { slot: number }>();
  private readonly deadlines: Deadlines<string>;
  // Two instances may share a reply partition: their ids must differ.
  private readonly prefix = `${randomBytes(6).toString('base64url')}-`;
  private count = 0;

  constructor(
    private readonly transport: Transport,
    private readonly clock: Clock,
    timers: Timers,
    private readonly logger: Logger,
  ) {
    this.deadlines = new Deadlines(clock, timers, (id) =>
      this.settle(id)?.reject(new AppError('DEADLINE_EXCEEDED')),
    );
  }

  request(record: BusRecord, deadline: number): Promise<Received> {
    return new Promise((resolve, reject) => this.ask(record, deadline, { resolve, reject }));
  }

  /** Asks everybody who hears of the record. @returns the replies that came before the deadline */
  survey(record: BusRecord, deadline: number): Promise<Received[]> {
    return new Promise((resolve, reject) => {
      const replies: Received[] = [];
      this.ask(record, deadline, {
        many: true,
        resolve: (reply) => replies.push(reply),
        reject: (error) => (error.code === 'DEADLINE_EXCEEDED' ? resolve(replies) : reject(error)),
      });
    });
  }

  private ask(record: BusRecord, deadline: number, asker: Omit<Pending, 'id'>): void {
    if (deadline <= this.clock.now()) return asker.reject(new AppError('DEADLINE_EXCEEDED'));
    if (this.pending.size >= mostPending)
      return asker.reject(new AppError('UNAVAILABLE', { what: 'The bus (too many wait for an answer)' }));
    const id = this.prefix + (++this.count).toString(36);
    const { topic, partition } = this.transport.replyAddress;
    this.pending.set(id, { id, ...asker, slot: this.deadlines.add(deadline, id) });
    const headers = {
      // A command may name an earlier deadline of its own: the asker waits a little longer for the word of it.
      [names.deadline]: String(deadline),
      ...record.headers,
      [names.correlationId]: id,
      [names.replyTopic]: topic,
      [names.replyPartition]: String(partition),
    };
    this.transport.send([{ topic: record.topic, key: record.key, value: record.value, headers }]).catch(
      // A late refusal to send is as good as no answer: the deadline may have told the caller already.
      (cause: unknown) =>
        this.settle(id)?.reject(
          cause instanceof AppError ? cause : new AppError('UNAVAILABLE', { what: 'The bus' }, { cause }),
        ),
    );
  }

  /** A reply came in. */
  readonly arrived = (record: Received): void => {
    const id = record.headers[names.correlationId];
    const asker = id === undefined ? undefined : this.pending.get(id);
    if (asker && !asker.many) this.settle(asker.id);
    if (asker) asker.resolve(record);
    else unclaimed.add(1);
  };

  /** Sends and forgets; dropped when nobody asked for a reply. */
  reply(to: Received, value: Buffer, headers: Record<string, string> = {}): void {
    const id = to.headers[names.correlationId];
    const partition = Number(to.headers[names.replyPartition]);
    if (id === undefined || !Number.isSafeInteger(partition) || partition < 0) return;
    const traceparent = currentTraceparent();
    const record: BusRecord = {
      topic: this.transport.replyAddress.topic,
      key: null,
      value,
      headers: {
        ...headers,
        [names.correlationId]: id,
        ...(traceparent !== undefined && { [names.traceparent]: traceparent }),
      },
      partition,
    };
    this.transport
      .send([record])
      .catch((error: unknown) => this.logger.warn({ topic: to.topic, err: error }, 'a reply was not sent'));
  }

  private settle(id: string): Pending | undefined {
    const found = this.pending.get(id);
    if (!found) return undefined;
    this.pending.delete(id);
    this.deadlines.remove(found.slot, id);
    return found;
  }

  get size(): number {
    return this.pending.size;
  }

  close(): void {
    this.deadlines.close();
    for (const { reject } of this.pending.values()) reject(new AppError('UNAVAILABLE', { what: 'The bus' }));
    this.pending.clear();
  }
}
