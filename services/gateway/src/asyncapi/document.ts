import { eventCatalogue, topic, topicNames, type EventDefinition, type TopicName } from '@mortise/contracts';
import { dtoSchemas, reachable, type Schema } from '../openapi/schemas.js';

/** An AsyncAPI 3 description, as far as this file writes one. */
export interface AsyncApiDocument {
  asyncapi: '3.0.0';
  info: { title: string; version: string; description: string };
  defaultContentType: string;
  channels: Record<string, Channel>;
  operations: Record<string, Operation>;
  components: Record<string, Record<string, unknown>>;
}
interface Ref {
  $ref: string;
}
interface Channel {
  address: string;
  description: string;
  parameters: Record<string, Ref>;
  messages: Record<string, Ref>;
  bindings: { kafka: Record<string, unknown> };
}
interface Operation {
  action: 'send' | 'receive';
  summary: string;
  channel: Ref;
  messages: Ref[];
}

const ref = (...path: string[]): Ref => ({
  $ref: `#/${path.map((part) => part.replaceAll('~', '~0').replaceAll('/', '~1')).join('/')}`,
});

/** Topics whose records are CloudEvents of others: any type, any data. */
const open: Partial<Record<TopicName, { message: string; action: Operation['action']; what: string }>> = {
  'platform-events': {
    message: 'any-event',
    action: 'receive',
    what: 'CloudEvents that other services publish: plugins subscribe to their types. Key: the tenant or the subject',
  },
  'plugin-events': {
    message: 'any-event',
    action: 'send',
    what: 'CloudEvents that plugins emit. Key: the tenant',
  },
};

/** The description of everything that travels on Kafka, from the catalogue of events and the table of topics. */
export function asyncApiDocument(): AsyncApiDocument {
  const events = Object.values(eventCatalogue);
  const used = topicNames.filter((name) => open[name] || events.some((event) => event.topic === name));
  const eventsOf = (name: TopicName) => events.filter((event) => event.topic === name);
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Mortise',
      version: '0.1.0',
      description:
        'Events on Kafka: CloudEvents 1.0 in binary mode, attributes in `ce_` headers, the payload as JSON. At least once; in order for each key. Requests between services and their replies are no part of it.',
    },
    defaultContentType: 'application/json',
    channels: Object.fromEntries(used.map((name) => [name, channel(name, eventsOf(name))])),
    operations: Object.fromEntries(used.map((name) => operation(name, eventsOf(name)))),
    components: {
      parameters: {
        prefix: {
          description: 'MORTISE_TOPIC_PREFIX of the installation',
          default: 'mortise.',
        },
      },
      messages: {
        ...Object.fromEntries(events.map((event) => [event.type, message(event)])),
        'any-event': {
          title: 'Any CloudEvent',
          summary: 'An event of a type that the catalogue need not know',
          headers: ref('components', 'schemas', 'Envelope'),
          payload: { description: 'Of the type of the content, JSON as a rule' },
        },
      },
      schemas: {
        Envelope: envelopeSchema,
        ...reachable(
          dtoSchemas(),
          events.map((event) => event.data.name),
        ),
      },
    },
  };
}

function channel(name: TopicName, events: EventDefinition[]): Channel {
  const { partitions, cleanup, retentionHours, durable } = topic(name);
  const kept = cleanup === 'compact' ? 'The last record of each key is kept' : `Kept for ${retentionHours} h`;
  const types = open[name] ? [open[name].message] : events.map(({ type }) => type);
  return {
    address: `{prefix}${name}`,
    description: `${open[name]?.what ?? 'Key: see the messages'}. ${kept}${durable ? '' : '; may be lost when a process dies'}.`,
    parameters: { prefix: ref('components', 'parameters', 'prefix') },
    messages: Object.fromEntries(types.map((type) => [type, ref('components', 'messages', type)])),
    bindings: {
      kafka: {
        partitions,
        topicConfiguration: {
          'cleanup.policy': [cleanup],
          ...(cleanup === 'delete' ? { 'retention.ms': retentionHours * 3_600_000 } : {}),
        },
        bindingVersion: '0.5.0',
      },
    },
  };
}

function operation(name: TopicName, events: EventDefinition[]): [string, Operation] {
  const { action, message: any } = open[name] ?? { action: 'send' as const, message: undefined };
  const types = any ? [any] : events.map(({ type }) => type);
  const summary = action === 'send' ? `Mortise tells of ${name}` : `Mortise takes ${name}`;
  return [
    `${action}.${name}`,
    {
      action,
      summary,
      channel: ref('channels', name),
      messages: types.map((type) => ref('channels', name, 'messages', type)),
    },
  ];
}

const message = (event: EventDefinition): Record<string, unknown> => ({
  name: event.type,
  title: event.type,
  summary: `Version ${event.version}${event.external ? ', for others to consume' : ''}`,
  contentType: 'application/json',
  headers: {
    allOf: [
      ref('components', 'schemas', 'Envelope'),
      {
        type: 'object',
        properties: {
          ce_type: { const: event.type },
          ce_dataschema: { const: `urn:mortise:schema:${event.type}:v${event.version}` },
        },
      },
    ],
  },
  payload: ref('components', 'schemas', event.data.name),
  bindings: { kafka: { key: { type: 'string' }, bindingVersion: '0.5.0' } },
});

const text = (description: string, more: Schema = {}): Schema => ({ type: 'string', description, ...more });
const envelopeSchema: Schema = {
  type: 'object',
  description: 'CloudEvents 1.0, Kafka protocol binding, binary content mode: headers are texts',
  required: ['ce_specversion', 'ce_id', 'ce_source', 'ce_type', 'ce_time', 'content-type'],
  properties: {
    ce_specversion: text('CloudEvents version', { const: '1.0' }),
    ce_id: text('With source and tenant it identifies the event: the same event may come twice'),
    ce_source: text('Who says it', { format: 'uri-reference' }),
    ce_type: text('What happened'),
    ce_time: text('When', { format: 'date-time' }),
    ce_dataschema: text('Schema of the payload with its version', { format: 'uri' }),
    ce_subject: text('What it is about'),
    ce_partitionkey: text('Key of the record'),
    ce_tenantid: text('Id of the tenant', { format: 'uuid' }),
    ce_traceparent: text('W3C trace context'),
    ce_causationid: text('Id of the event or execution that caused it'),
    'chain-id': text('Id of the event at the head of the chain that it belongs to'),
    'causation-depth': text('How many events caused one another before this one', { pattern: '^\\d+$' }),
    ce_sequence: text('Rises with each change of what it is about', { pattern: '^\\d+$' }),
    'accepted-at': text('When the platform took it on', { format: 'date-time' }),
    'content-type': text('Of the payload'),
  },
};
