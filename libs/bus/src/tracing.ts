import { headers as names } from '@mortise/contracts';
import { inTrace, isSampled, type Span, type Tracer } from '@mortise/service-kit';
import type { ConsumeOptions } from './consumption.js';
import type { BatchHandler } from './engine/batcher.js';
import type { Handler } from './engine/processor.js';
import type { BusRecord, Received } from './record.js';
import type { Transport } from './transport.js';

/**
 * Topics that carry a request: what handles it goes on with its trace. Events are for whoever is interested: their
 * handlers begin traces of their own, with a link.
 */
const requests: ReadonlySet<string> = new Set([
  'executions.interactive',
  'executions.background',
  'execution-replies',
  'webhook-deliveries',
]);

// Semantic conventions for messaging 1.45, in development: the only place that knows their names.
const attributesOf = (
  record: Pick<BusRecord, 'topic' | 'key' | 'partition'>,
  operation: 'send' | 'process',
  group?: string,
) => ({
  'messaging.system': 'kafka',
  'messaging.operation.type': operation,
  'messaging.operation.name': operation,
  'messaging.destination.name': record.topic,
  ...(record.key !== null && record.key !== '' && { 'messaging.kafka.message.key': record.key }),
  ...(record.partition !== undefined && { 'messaging.destination.partition.id': String(record.partition) }),
  ...(group !== undefined && { 'messaging.consumer.group.name': group }),
});

const traceOf = (record: BusRecord): string | undefined => record.headers[names.traceparent];
const within = (record: Received, traceparent: string): Received => ({
  ...record,
  headers: { ...record.headers, [names.traceparent]: traceparent },
});

/** A transport that gives each traced record a span while it is sent, and each traced reply one when it arrives. */
export const tracedTransport = (transport: Transport, tracer: Tracer): Transport => ({
  get replyAddress() {
    return transport.replyAddress;
  },
  start: (subscriptions, onReply) =>
    transport.start(subscriptions, onReply && ((record) => received(tracer, record, onReply))),
  send: (records) => sent(tracer, records, (list) => transport.send(list)),
  provideSnapshot: (topic, read) => transport.provideSnapshot(topic, read),
  trouble: () => transport.trouble(),
  readings: () => transport.readings(),
  pause: () => transport.pause(),
  close: () => transport.close(),
});

function received(tracer: Tracer, record: Received, onReply: (record: Received) => void): void {
  const parent = traceOf(record);
  if (isSampled(parent))
    tracer
      .start(`process ${record.topic}`, {
        kind: 'consumer',
        parent,
        attributes: attributesOf(record, 'process'),
      })
      .end();
  onReply(record);
}

function sent(
  tracer: Tracer,
  records: BusRecord[],
  send: (records: BusRecord[]) => Promise<void>,
): Promise<void> {
  const spans = records.map((record) => {
    const parent = traceOf(record);
    if (!isSampled(parent)) return undefined;
    const attributes = attributesOf(record, 'send');
    const span = tracer.start(`send ${record.topic}`, { kind: 'producer', parent, attributes });
    // The records are the bus's own copies.
    record.headers[names.traceparent] = span.traceparent;
    return span;
  });
  const sending = send(records);
  sending.then(
    () => spans.forEach((span) => span?.end()),
    (error: unknown) => spans.forEach((span) => span?.end(error)),
  );
  return sending;
}

/** The same consumption with a span for each traced record or batch; handlers find it as the record's trace context. */
export const tracedConsumption = <T extends ConsumeOptions & { group: string }>(
  options: T,
  tracer: Tracer,
): T =>
  'handler' in options
    ? { ...options, handler: traced(options.handler, options.group, tracer) }
    : { ...options, batch: tracedBatch(options.batch, options.group, tracer) };

const traced =
  (handler: Handler, group: string, tracer: Tracer): Handler =>
  async (record) => {
    const cause = traceOf(record);
    if (!isSampled(cause)) return handler(record);
    const span = tracer.start(`process ${record.topic}`, {
      kind: 'consumer',
      ...(requests.has(record.topic) ? { parent: cause } : { links: [cause] }),
      attributes: { ...attributesOf(record, 'process', group), 'messaging.kafka.offset': record.offset },
    });
    return follow(span, () => handler(within(record, span.traceparent)));
  };

const tracedBatch =
  (batch: BatchHandler, group: string, tracer: Tracer): BatchHandler =>
  async (records) => {
    const links = records.map(traceOf).filter(isSampled);
    const [first] = records;
    if (!first || links.length === 0) return batch(records);
    const span = tracer.start(`process ${first.topic}`, {
      kind: 'consumer',
      links,
      attributes: {
        ...attributesOf({ topic: first.topic, key: null }, 'process', group),
        'messaging.batch.message_count': records.length,
      },
    });
    return follow(span, () => batch(records));
  };

async function follow<T>(span: Span, work: () => Promise<T>): Promise<T> {
  try {
    const answer = await inTrace(span.traceparent, work);
    span.end();
    return answer;
  } catch (error) {
    span.end(error);
    throw error;
  }
}
