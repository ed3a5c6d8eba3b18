import type { EventDefinition, ServiceName, TopicName } from '@mortise/contracts';
import {
  currentTraceparent,
  metrics,
  systemClock,
  tracers,
  type Clock,
  type Logger,
} from '@mortise/service-kit';
import { encodeEvent } from './codec.js';
import { EventDispatch, makeConsumption, type ConsumeOptions, type Consumption } from './consumption.js';
import { Failures } from './engine/failures.js';
import { DirectSink } from './engine/sink.js';
import { retryPolicy, systemTimers, type RetryPolicy, type Timers } from './engine/timing.js';
import type { BusEnv } from './env.js';
import { KafkaTransport } from './kafka/transport.js';
import { MemoryBroker } from './memory/broker.js';
import { MemoryTransport } from './memory/transport.js';
import type { BusEvent, BusRecord, EventMeta, Parking, Received } from './record.js';
import { showReadings } from './readings.js';
import { Requests } from './requests.js';
import { StateTable } from './state-table.js';
import { tracedConsumption, tracedTransport } from './tracing.js';
import type { Subscription, Transport } from './transport.js';

const pendingRequests = metrics.gauge('mortise_bus_pending_requests');

export interface BusOptions {
  service: ServiceName;
  /** Stable name of this process: solo groups and the reply partition follow from it. */
  instanceId: string;
  env: BusEnv;
  /** The broker of the process when BUS is memory; default: one of its own. */
  broker?: MemoryBroker | undefined;
  logger: Logger;
  clock?: Clock | undefined;
  timers?: Timers | undefined;
  /** Where records go that failed for too long; without it they go to the dead letters. */
  parking?: Parking | undefined;
  retry?: Partial<RetryPolicy> | undefined;
  /** False for a process that never calls `request`: it then needs no reply consumer. Default true. */
  requests?: boolean | undefined;
}

/** What services of one process share. */
export interface SharedParts {
  broker?: MemoryBroker | undefined;
  clock?: Clock | undefined;
  logger?: Logger | undefined;
}

/** Publish, consume, ask and answer; the same on Kafka and in one process. */
export class Bus {
  private readonly dispatches = new Map<string, EventDispatch>();
  private readonly consumptions: Consumption[] = [];
  private readonly tables = new Map<TopicName, StateTable<object>>();
  private readonly asked: Requests;
  private readonly clock: Clock;
  private readonly timers: Timers;
  private readonly policy: RetryPolicy;
  private phase: 'new' | 'starting' | 'running' | 'closed' = 'new';
  private parking: Parking | undefined;
  private stopShowing: () => void = () => {};

  static create(options: BusOptions): Bus {
    const { env, service, instanceId, logger } = options;
    const transport: Transport =
      env.BUS === 'kafka'
        ? new KafkaTransport({ env, service, instanceId, logger })
        : new MemoryTransport({
            broker: options.broker ?? new MemoryBroker(options.clock ? { clock: options.clock } : {}),
            service,
            instanceId,
            logger,
          });
    const tracer = tracers[service];
    return new Bus(tracer ? tracedTransport(transport, tracer) : transport, options);
  }

  /** Use `Bus.create`; this one is for transports with parts of one's own. */
  constructor(
    private readonly transport: Transport,
    private readonly options: BusOptions,
  ) {
    this.clock = options.clock ?? systemClock;
    this.timers = options.timers ?? systemTimers;
    this.policy = { ...retryPolicy, ...options.retry };
    this.parking = options.parking;
    this.asked = new Requests(transport, this.clock, this.timers, options.logger);
  }

  get service(): ServiceName {
    return this.options.service;
  }

  /** For an outbox, which needs the bus first. Before `start`. */
  parkWith(parking: Parking): void {
    this.configure();
    this.parking = parking;
  }

  /** Publishes an event of the catalogue; resolves when it is as safe as its topic promises. */
  publish<T extends object>(definition: EventDefinition<T>, data: T, meta: EventMeta = {}): Promise<void> {
    const source = meta.source ?? `/${this.options.service}`;
    const time = meta.time ?? new Date(this.clock.now()).toISOString();
    const traceparent = meta.traceparent ?? currentTraceparent();
    return this.transport.send([encodeEvent(definition, data, { ...meta, source, time, traceparent })]);
  }

  /** Sends records as they are; resolves as `publish` does. */
  send(records: BusRecord[]): Promise<void> {
    // The sender keeps its objects: what it changes later must not travel.
    return this.transport.send(records.map((record) => ({ ...record, headers: { ...record.headers } })));
  }

  /** Hands every record of a topic to a handler. Before `start`, once for each topic and group. */
  consume(options: ConsumeOptions): void {
    this.configure();
    const { solo = false, topic } = options;
    const group = this.groupName(options.group ?? this.options.service, solo);
    this.refuseSecond(topic, group);
    this.consumptions.push(this.consumption({ ...options, group, solo }));
  }

  /** Handles one event of the catalogue, decoded and validated. Before `start`. */
  on<T extends object>(
    definition: EventDefinition<T>,
    handler: (event: BusEvent<T>) => Promise<void>,
    options: { group?: string | undefined } = {},
  ): void {
    this.configure();
    const group = options.group ?? this.options.service;
    const key = `${group} ${definition.topic}`;
    let dispatch = this.dispatches.get(key);
    if (!dispatch) {
      this.refuseSecond(definition.topic, group);
      dispatch = new EventDispatch(definition.topic, group, this.options.logger);
      this.dispatches.set(key, dispatch);
    }
    dispatch.add(definition, handler);
  }

  /** A state topic in memory, kept up to date. The same table for the same topic. Before `start`. */
  state<T extends object>(definition: EventDefinition<T>): StateTable<T> {
    const known = this.tables.get(definition.topic);
    if (known) return known as unknown as StateTable<T>;
    this.configure();
    const table = new StateTable(definition, this.timers, this.options.logger);
    this.tables.set(definition.topic, table as unknown as StateTable<object>);
    return table;
  }

  /** The owner's way to say its whole state; only the memory transport asks. Before `start`. */
  provideSnapshot<T extends object>(definition: EventDefinition<T>, read: () => AsyncIterable<T>): void {
    this.configure();
    const source = `/${this.options.service}`;
    this.transport.provideSnapshot(definition.topic, async function* () {
      for await (const row of read()) yield encodeEvent(definition, row, { source });
    });
  }

  /** @throws AppError DEADLINE_EXCEEDED, UNAVAILABLE when it could not be sent */
  request(
    record: BusRecord,
    options: { /** Milliseconds since 1970. */ deadline: number },
  ): Promise<Received> {
    return this.asked.request(record, options.deadline);
  }

  /**
   * Asks everybody who hears of the record, and waits until the deadline: nobody knows how many will answer.
   * @throws AppError UNAVAILABLE when it could not be sent
   */
  survey(
    record: BusRecord,
    options: { /** Milliseconds since 1970. */ deadline: number },
  ): Promise<Received[]> {
    return this.asked.survey(record, options.deadline);
  }

  /** Answers a request; dropped when nobody waits, or when the record asked for no reply. */
  reply(to: Received, value: Buffer, headers?: Record<string, string>): void {
    this.asked.reply(to, value, headers);
  }

  /**
   * Hands a parked record to its group's handler. A failure parks it again, later each time, in the end in the dead
   * letters: when this resolves, the row it came from may go.
   */
  async redeliver(group: string, record: Received): Promise<void> {
    const found = this.consumptions.find((known) => known.topic === record.topic && known.group === group);
    if (!found) throw new Error(`nothing in this process handles ${record.topic} for the group ${group}`);
    const next = { ...record, attempt: record.attempt + 1 };
    try {
      await found.handle(next);
    } catch (error) {
      if (!(await found.failures.giveUp(next, error))) throw error;
    }
  }

  /** Connects and subscribes; resolves when everything has its partitions. State tables say themselves when they are full. */
  async start(): Promise<void> {
    this.configure();
    this.phase = 'starting';
    for (const dispatch of this.dispatches.values()) {
      const { topic, group, types } = dispatch;
      const options = { topic, group, solo: false, handler: dispatch.handle };
      this.consumptions.push({ ...this.consumption(options), types });
    }
    const tables = [...this.tables].map(([topic, table]): Subscription => ({
      topic,
      group: this.groupName('state', true),
      solo: true,
      from: 'beginning',
      sink: new DirectSink(table.apply),
      onCaughtUp: table.markCaughtUp,
    }));
    const replies = this.options.requests === false ? undefined : this.asked.arrived;
    await this.transport.start([...tables, ...this.consumptions], replies);
    this.stopShowing = this.show();
    this.phase = 'running';
  }

  ready(): { ok: boolean; detail: Record<string, unknown> } {
    const trouble = this.phase === 'running' ? this.transport.trouble() : `the bus is ${this.phase}`;
    const behind = [...this.tables].filter(([, table]) => !table.isCaughtUp).map(([topic]) => topic);
    return {
      ok: trouble === undefined && behind.length === 0,
      detail: {
        transport: this.options.env.BUS,
        ...(trouble === undefined ? {} : { trouble }),
        ...(behind.length === 0 ? {} : { catchingUp: behind }),
        inFlight: this.consumptions.reduce((sum, { sink }) => sum + sink.held, 0),
        rows: Object.fromEntries([...this.tables].map(([topic, table]) => [topic, table.size])),
      },
    };
  }

  /** Takes nothing new, lets handlers end within the grace, commits what is finished, lets go. */
  async close(graceMs = 10_000): Promise<void> {
    if (this.phase === 'closed') return;
    this.phase = 'closed';
    this.stopShowing();
    this.transport.pause();
    const drained = Promise.all(this.consumptions.map(({ sink }) => sink.idle()));
    await new Promise<void>((resolve) => {
      const cancel = this.timers.after(graceMs, resolve);
      void drained.then(() => {
        cancel();
        resolve();
      });
    });
    for (const { sink } of this.consumptions) sink.stop();
    await this.transport.close();
    this.asked.close();
  }

  private consumption(options: ConsumeOptions & { group: string; solo: boolean }): Consumption {
    const tracer = tracers[this.options.service];
    const failures = this.failures(options);
    return makeConsumption(tracer ? tracedConsumption(options, tracer) : options, failures);
  }

  private show(): () => void {
    const { service, logger } = this.options;
    const ends = [
      showReadings(this.transport, logger),
      pendingRequests.watch((see) => see(this.asked.size, { service })),
    ];
    return () => ends.forEach((end) => end());
  }

  private configure(): void {
    if (this.phase !== 'new') throw new Error('the bus has started: subscribe before start()');
  }

  private refuseSecond(topic: TopicName, group: string): void {
    const taken = this.consumptions.some((known) => known.topic === topic && known.group === group);
    if (taken || this.dispatches.has(`${group} ${topic}`))
      throw new Error(
        `${topic} is consumed twice in the group ${group}: merge the handlers or name another group`,
      );
  }

  private groupName(name: string, solo: boolean): string {
    return solo ? `solo.${this.options.service}.${name}.${this.options.instanceId}` : name;
  }

  private failures({ topic, group, solo }: { topic: TopicName; group: string; solo: boolean }): Failures {
    const { service, logger } = this.options;
    return new Failures({
      service,
      topic,
      group,
      solo,
      policy: this.policy,
      clock: this.clock,
      timers: this.timers,
      random: Math.random,
      logger,
      parking: () => this.parking,
      send: (records) => this.transport.send(records),
    });
  }
}
