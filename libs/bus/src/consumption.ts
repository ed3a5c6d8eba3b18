import { eventCatalogue, type EventDefinition, type TopicName } from '@mortise/contracts';
import { AppError, metrics, type Logger } from '@mortise/service-kit';
import { decodeEvent } from './codec.js';
import { aloneIn, Batcher, type BatchHandler } from './engine/batcher.js';
import { isForOthers } from './engine/dead-letter.js';
import type { Failures } from './engine/failures.js';
import { Processor, type Handler } from './engine/processor.js';
import type { Sink } from './engine/sink.js';
import { groupLabel } from './readings.js';
import type { BusEvent, Received } from './record.js';

const unknownTypes = metrics.counter('mortise_bus_unknown_types_total');

/** How a topic is consumed. */
export type ConsumeOptions = {
  topic: TopicName;
  /** Instances with the same group share the records; default: the service. */
  group?: string;
  /** Every instance gets every record; nothing is committed, failures are logged. */
  solo?: boolean;
  /** Where a group that never committed starts; default `beginning`, for solo groups `latest`. */
  from?: 'beginning' | 'latest';
  /** `key` (default): records of one key one after the other; `none`: all in parallel. */
  ordering?: 'key' | 'none';
  /** Handlers that run at once; default 256. For batches: records held, default 10,000. */
  maxInFlight?: number;
} & (
  | { handler: Handler }
  | {
      batch: BatchHandler;
      /** Default 500. */
      maxBatch?: number;
      /** How long a record waits for company; default 20. */
      delayMs?: number;
    }
);

/** A consumption as the bus keeps it: what a parked record is handed to, too. */
export interface Consumption {
  topic: TopicName;
  group: string;
  solo: boolean;
  from: 'beginning' | 'latest';
  sink: Sink;
  failures: Failures;
  handle: Handler;
  types?: ReadonlySet<string> | undefined;
}

const nothing = Promise.resolve();

export function makeConsumption(
  options: ConsumeOptions & { group: string; solo: boolean },
  failures: Failures,
): Consumption {
  const { topic, group, solo } = options;
  const from = options.from ?? (solo ? 'latest' : 'beginning');
  if ('handler' in options) {
    const { ordering = 'key', maxInFlight = 256 } = options;
    const handler: Handler = (record) => (isForOthers(record, group) ? nothing : options.handler(record));
    const sink = new Processor({ handler, ordering, maxInFlight, failures });
    return { topic, group, solo, from, sink, failures, handle: handler };
  }
  const { maxBatch = 500, delayMs = 20, maxInFlight = 10_000 } = options;
  const batch: BatchHandler = async (records) => {
    const mine = records.filter((record) => !isForOthers(record, group));
    return mine.length > 0 ? options.batch(mine) : undefined;
  };
  const sink = new Batcher({ handler: batch, maxBatch, delayMs, maxInFlight, failures });
  return { topic, group, solo, from, sink, failures, handle: aloneIn(batch) };
}

type EventHandler = (record: Received) => Promise<void>;

/** The events of one group on one topic, each to its handler; types without one are none of the group's business. */
export class EventDispatch {
  private readonly handlers = new Map<string, EventHandler>();

  constructor(
    readonly topic: TopicName,
    readonly group: string,
    private readonly logger: Logger,
  ) {}

  add<T extends object>(
    definition: EventDefinition<T>,
    handler: (event: BusEvent<T>) => Promise<void>,
  ): void {
    if (this.handlers.has(definition.type))
      throw new Error(`${definition.type} has two handlers in the group ${this.group}: merge them`);
    this.handlers.set(definition.type, (record) => handler(decodeEvent(definition, record)));
  }

  get types(): ReadonlySet<string> {
    return new Set(this.handlers.keys());
  }

  readonly handle = async (record: Received): Promise<void> => {
    const type = record.headers['ce_type'];
    if (type === undefined)
      throw new AppError('MESSAGE_UNDECODABLE', { reason: 'the header ce_type is missing' });
    const handle = this.handlers.get(type);
    if (handle) return handle(record);
    if (Object.hasOwn(eventCatalogue, type)) return;
    // A newer service may already send it; nobody here can have missed it.
    unknownTypes.add(1, { group: groupLabel(this.group), topic: this.topic });
    this.logger.warn(
      { group: this.group, topic: this.topic, offset: record.offset },
      'an event of unknown type',
    );
  };
}
