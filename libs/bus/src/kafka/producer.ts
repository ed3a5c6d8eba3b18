import { topic as definitionOf } from '@mortise/contracts';
import { AppError, metrics } from '@mortise/service-kit';
import type { Kafka, Message, Producer, ProducerBatch } from 'kafkajs';
import type { BusEnv } from '../env.js';
import type { BusRecord } from '../record.js';
import { kafkajs } from './kafkajs.js';
import { topicName } from './topics.js';

/** One way of producing: kafkajs sends each call by itself, a lane gathers what a turn of the event loop brings. */
export interface LaneOptions {
  /** As metrics call it. */
  name: 'durable' | 'gathered' | 'fast' | 'bulk';
  acks: -1 | 1;
  /** 1 keeps the order of a key through retries; more is faster. */
  requestsInFlight: number;
  compression: 'gzip' | undefined;
  /** How long a request waits for more records; default: the rest of this turn of the event loop. */
  lingerMs?: number;
}

/** The part of a kafkajs producer a lane needs. */
export type BatchSender = Pick<Producer, 'sendBatch'>;

const bufferedBytes = metrics.gauge('mortise_bus_send_buffer_bytes');
const batchRecords = metrics.histogram('mortise_bus_send_batch_records');

interface Waiting {
  record: BusRecord;
  bytes: number;
  settle: (error?: AppError) => void;
}

const maxRequestBytes = 1_000_000;
const maxBufferedBytes = 64_000_000;
const recordOverheadBytes = 128;
/** So many are a batch: waiting longer saves nothing. */
const lingerRecords = 1_000;

const sizeOf = ({ value, key, headers }: BusRecord): number => {
  let bytes = recordOverheadBytes + (value?.length ?? 0) + (key?.length ?? 0);
  for (const name in headers) bytes += name.length + (headers[name] as string).length;
  return bytes;
};

/** Gathers records and sends them in few requests; whoever sends more than the brokers take waits for room. */
export class Lane {
  private waiting: Waiting[] = [];
  /** Sends that find the buffer full, in their order. */
  private blocked: (() => void)[] = [];
  private bufferedBytes = 0;
  private inFlight = 0;
  private scheduled = false;
  private idlers: (() => void)[] = [];
  private readonly labels: { producer: string };

  constructor(
    private readonly producer: BatchSender,
    private readonly env: Pick<BusEnv, 'MORTISE_TOPIC_PREFIX'>,
    private readonly options: LaneOptions,
  ) {
    this.labels = { producer: options.name };
  }

  /** What waits for the brokers. */
  get buffered(): { producer: string; bytes: number } {
    return { ...this.labels, bytes: this.bufferedBytes };
  }

  /** Resolves when all records are acknowledged; each record is settled exactly once. */
  send(records: BusRecord[]): Promise<void> {
    return new Promise((resolve, reject) => {
      let left = records.length;
      let failed = false;
      if (left === 0) return resolve();
      const settle = (error?: AppError) => {
        left -= 1;
        if (error !== undefined && !failed) {
          failed = true;
          reject(error);
        } else if (left === 0 && !failed) resolve();
      };
      if (this.isFull || this.blocked.length > 0) this.blocked.push(() => this.enter(records, settle));
      else this.enter(records, settle);
    });
  }

  private get isFull(): boolean {
    return this.bufferedBytes >= maxBufferedBytes;
  }

  private enter(records: BusRecord[], settle: Waiting['settle']): void {
    for (const record of records) {
      const bytes = sizeOf(record);
      this.bufferedBytes += bytes;
      this.waiting.push({ record, bytes, settle });
    }
    this.schedule();
  }

  private unblock(): void {
    let count = 0;
    while (count < this.blocked.length && !this.isFull) this.blocked[count++]?.();
    if (count > 0) this.blocked.splice(0, count);
  }

  private schedule(): void {
    if (this.scheduled || this.inFlight >= this.options.requestsInFlight || this.waiting.length === 0) return;
    this.scheduled = true;
    const flush = () => {
      this.scheduled = false;
      void this.flush();
    };
    const { lingerMs } = this.options;
    if (lingerMs === undefined || this.waiting.length >= lingerRecords) setImmediate(flush);
    else setTimeout(flush, lingerMs);
  }

  private take(): Waiting[] {
    let bytes = 0;
    let count = 0;
    while (count < this.waiting.length) {
      bytes += (this.waiting[count] as Waiting).bytes;
      if (count > 0 && bytes > maxRequestBytes) break;
      count += 1;
    }
    if (count === this.waiting.length) {
      const all = this.waiting;
      this.waiting = [];
      return all;
    }
    return this.waiting.splice(0, count);
  }

  private async flush(): Promise<void> {
    if (this.inFlight >= this.options.requestsInFlight || this.waiting.length === 0) return;
    const batch = this.take();
    batchRecords.record(batch.length, this.labels);
    this.inFlight += 1;
    this.schedule();
    let failure: AppError | undefined;
    try {
      await this.producer.sendBatch(this.toRequest(batch));
    } catch (cause) {
      failure = new AppError('UNAVAILABLE', { what: 'The message bus' }, { cause });
    }
    this.inFlight -= 1;
    for (const { bytes, settle } of batch) {
      this.bufferedBytes -= bytes;
      settle(failure);
    }
    if (this.blocked.length > 0) this.unblock();
    this.schedule();
    if (this.inFlight === 0 && this.waiting.length === 0) {
      const idlers = this.idlers;
      this.idlers = [];
      for (const resolve of idlers) resolve();
    }
  }

  private toRequest(batch: Waiting[]): ProducerBatch {
    const byTopic = new Map<string, Message[]>();
    for (const { record } of batch) {
      const { key, value, headers, partition } = record;
      const message: Message = { key, value, headers, ...(partition === undefined ? {} : { partition }) };
      const messages = byTopic.get(record.topic);
      if (messages) messages.push(message);
      else byTopic.set(record.topic, [message]);
    }
    return {
      acks: this.options.acks,
      ...(this.options.compression === 'gzip' ? { compression: kafkajs.CompressionTypes.GZIP } : {}),
      topicMessages: [...byTopic].map(([topic, messages]) => ({
        topic: topicName(topic as BusRecord['topic'], this.env),
        messages,
      })),
    };
  }

  idle(): Promise<void> {
    if (this.inFlight === 0 && this.waiting.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.idlers.push(resolve));
  }
}

/** The process's producers: durable in order, what nobody waits for in fewer requests, interactive fast, telemetry compressed; none waits behind another. */
export class Producers {
  private readonly producers: Producer[] = [];
  private readonly durable: Lane;
  private readonly gathered: Lane;
  private readonly fast: Lane;
  private readonly bulk: Lane;
  private stopShowing: () => void = () => {};

  constructor(client: () => Kafka, env: BusEnv) {
    const lane = (options: LaneOptions) => {
      const producer = client().producer({
        createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
        allowAutoTopicCreation: false,
        maxInFlightRequests: options.requestsInFlight,
        // About two minutes for what must arrive, some seconds for what is asked again anyway.
        retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: options.acks === -1 ? 120 : 30 },
      });
      this.producers.push(producer);
      return new Lane(producer, env, options);
    };
    this.durable = lane({ name: 'durable', acks: -1, requestsInFlight: 1, compression: undefined });
    this.gathered = lane({
      ...{ name: 'gathered', acks: -1, requestsInFlight: 1, compression: undefined },
      lingerMs: 10,
    });
    this.fast = lane({ name: 'fast', acks: 1, requestsInFlight: 3, compression: undefined });
    this.bulk = lane({ name: 'bulk', acks: 1, requestsInFlight: 2, compression: 'gzip', lingerMs: 20 });
  }

  async connect(): Promise<void> {
    this.stopShowing = bufferedBytes.watch((see) => {
      for (const { buffered } of this.lanes) see(buffered.bytes, { producer: buffered.producer });
    });
    await Promise.all(this.producers.map((producer) => producer.connect()));
  }

  private laneOf(record: BusRecord): Lane {
    const { ordered, compression, gathered } = definitionOf(record.topic);
    if (compression === 'gzip') return this.bulk;
    return gathered ? this.gathered : ordered ? this.durable : this.fast;
  }

  private get lanes(): Lane[] {
    return [this.durable, this.gathered, this.fast, this.bulk];
  }

  async send(records: BusRecord[]): Promise<void> {
    const first = records[0];
    if (!first) return;
    const lane = this.laneOf(first);
    if (records.every((record) => this.laneOf(record) === lane)) return lane.send(records);
    await Promise.all(
      this.lanes.map((one) => one.send(records.filter((record) => this.laneOf(record) === one))),
    );
  }

  async close(): Promise<void> {
    this.stopShowing();
    await Promise.all(this.lanes.map((lane) => lane.idle()));
    await Promise.all(this.producers.map((producer) => producer.disconnect()));
  }
}
