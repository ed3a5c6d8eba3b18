import { isUtf8 } from 'node:buffer';
import { headers as names, type EventDefinition, type TopicName } from '@mortise/contracts';
import { AppError, newId } from '@mortise/service-kit';
import { toPayload } from './payload.js';
import type { BusEvent, BusRecord, EventMeta, Received } from './record.js';

// CloudEvents 1.0 in the binary mode of the Kafka binding: attributes are headers, data is the value as it is.
const json = 'application/json';
const structured = 'application/cloudevents+json';

const undecodable = (reason: string, cause?: unknown) =>
  new AppError('MESSAGE_UNDECODABLE', { reason }, cause === undefined ? {} : { cause });

function envelope(
  record: Pick<BusRecord, 'topic' | 'key' | 'value'>,
  attributes: EventMeta & { id: string; source: string; type: string; time: string; contentType: string },
): BusRecord {
  const headers: Record<string, string> = {
    ce_specversion: '1.0',
    ce_id: attributes.id,
    ce_source: attributes.source,
    ce_type: attributes.type,
    ce_time: attributes.time,
    'content-type': attributes.contentType,
  };
  const { tenantId, subject, causationId, causationDepth, chainId, sequence, traceparent, acceptedAt } =
    attributes;
  if (record.key !== null && record.key !== '') headers['ce_partitionkey'] = record.key;
  if (subject !== undefined) headers['ce_subject'] = subject;
  if (tenantId !== undefined) headers[names.tenantId] = tenantId;
  if (causationId !== undefined) headers[names.causationId] = causationId;
  if (causationDepth !== undefined) headers[names.causationDepth] = String(causationDepth);
  if (chainId !== undefined) headers[names.chainId] = chainId;
  if (sequence !== undefined) headers['ce_sequence'] = String(sequence);
  if (traceparent !== undefined) headers[names.traceparent] = traceparent;
  if (acceptedAt !== undefined) headers[names.acceptedAt] = acceptedAt;
  return { topic: record.topic, key: record.key, value: record.value, headers };
}

const tenantOf = (data: object): string | undefined => {
  const tenantId: unknown = Reflect.get(data, 'tenantId');
  return typeof tenantId === 'string' ? tenantId : undefined;
};

/** An event of the catalogue as a record of its topic. The tenant is the data's unless `meta` says otherwise. */
export function encodeEvent<T extends object>(
  definition: EventDefinition<T>,
  data: T,
  meta: EventMeta = {},
): BusRecord {
  const record = envelope(
    { topic: definition.topic, key: definition.key(data), value: Buffer.from(JSON.stringify(data)) },
    {
      ...meta,
      id: meta.id ?? newId(),
      source: meta.source ?? '/mortise',
      type: definition.type,
      time: meta.time ?? new Date().toISOString(),
      tenantId: meta.tenantId ?? tenantOf(data),
      contentType: json,
    },
  );
  record.headers['ce_dataschema'] = `urn:mortise:schema:${definition.type}:v${definition.version}`;
  return record;
}

/** The tombstone that removes a key of a state topic. */
export const encodeTombstone = (
  definition: Pick<EventDefinition, 'topic' | 'type'>,
  key: string,
): BusRecord => ({
  topic: definition.topic,
  key,
  value: null,
  headers: { ce_specversion: '1.0', ce_type: definition.type },
});

function parseJson(value: Buffer): unknown {
  // Decoding would put U+FFFD for what is broken, and the damage would be stored as if it had been sent so.
  if (!isUtf8(value)) throw undecodable('the value is not UTF-8');
  try {
    return JSON.parse(value.toString('utf8')) as unknown;
  } catch (cause) {
    throw undecodable('the value is not JSON', cause);
  }
}

const required = (headers: Record<string, string>, name: string): string => {
  const value = headers[name];
  if (value === undefined || value === '') throw undecodable(`the header ${name} is missing`);
  return value;
};

const optionalNumber = (text: string | undefined): number | undefined => {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isFinite(value)) throw undecodable('a numeric header is not a number');
  return value;
};

function metaOf(headers: Record<string, string>): EventMeta & { causationDepth: number } {
  return {
    tenantId: headers[names.tenantId],
    subject: headers['ce_subject'],
    causationId: headers[names.causationId],
    causationDepth: optionalNumber(headers[names.causationDepth]) ?? 0,
    chainId: headers[names.chainId],
    sequence: optionalNumber(headers['ce_sequence']),
    traceparent: headers[names.traceparent],
    acceptedAt: headers[names.acceptedAt],
  };
}

/**
 * The event in a record, validated by its payload class.
 * @throws AppError MESSAGE_UNDECODABLE
 */
export function decodeEvent<T extends object>(definition: EventDefinition<T>, record: Received): BusEvent<T> {
  const { headers, value } = record;
  const type = required(headers, 'ce_type');
  if (type !== definition.type) throw undecodable(`the type is ${type}, not ${definition.type}`);
  if (value === null) throw undecodable('the value is empty');
  const version = Number(/:v(\d+)$/.exec(headers['ce_dataschema'] ?? '')?.[1] ?? definition.version);
  if (version > definition.version)
    throw undecodable(
      `it is version ${version} of ${type}, and this process knows up to ${definition.version}`,
    );
  const parsed = toPayload(definition.data, parseJson(value));
  if (!parsed.ok) throw undecodable(parsed.reason);
  return {
    ...metaOf(headers),
    id: required(headers, 'ce_id'),
    source: required(headers, 'ce_source'),
    time: headers['ce_time'] ?? new Date(record.timestamp).toISOString(),
    type,
    data: parsed.payload,
    record,
  };
}

/** A CloudEvent that need not be in our catalogue: another service's, a sender's, a plugin's. */
export interface CloudEvent extends EventMeta {
  specversion: '1.0';
  id: string;
  source: string;
  type: string;
  time: string;
  causationDepth: number;
  datacontenttype: string;
  dataschema?: string | undefined;
  /** Parsed when the content type is JSON, else text. */
  data: unknown;
}

/** What `encodeCloudEvent` takes. */
export type CloudEventInput = EventMeta & {
  id: string;
  source: string;
  type: string;
  time: string;
  /** Default `application/json`. */
  datacontenttype?: string | undefined;
  /** Anything JSON; a string or Buffer goes as it is when the content type is not JSON. */
  data?: unknown;
};

const isJson = (contentType: string) => /^[\w.-]+\/(?:[\w.-]+\+)?json\b/i.test(contentType);

function valueOf(data: unknown, contentType: string): Buffer | null {
  if (data === undefined) return null;
  if (isJson(contentType)) return Buffer.from(JSON.stringify(data));
  return Buffer.isBuffer(data) ? data : Buffer.from(typeof data === 'string' ? data : JSON.stringify(data));
}

/** A CloudEvent of any type as a record. */
export function encodeCloudEvent(event: CloudEventInput, topic: TopicName, key: string | null): BusRecord {
  const contentType = event.datacontenttype ?? json;
  return envelope({ topic, key, value: valueOf(event.data, contentType) }, { ...event, contentType });
}

/**
 * The CloudEvent in a record, in binary or structured mode.
 * @throws AppError MESSAGE_UNDECODABLE
 */
export function decodeCloudEvent(record: BusRecord): CloudEvent {
  const contentType = record.headers['content-type'] ?? json;
  if (contentType.startsWith(structured)) return fromStructured(record);
  const { headers } = record;
  if (required(headers, 'ce_specversion') !== '1.0') throw undecodable('the CloudEvents version is not 1.0');
  return {
    ...metaOf(headers),
    specversion: '1.0',
    id: required(headers, 'ce_id'),
    source: required(headers, 'ce_source'),
    type: required(headers, 'ce_type'),
    time: headers['ce_time'] ?? new Date(record.timestamp ?? Date.now()).toISOString(),
    datacontenttype: contentType,
    dataschema: headers['ce_dataschema'],
    data: dataOf(record.value, contentType),
  };
}

function dataOf(value: Buffer | null, contentType: string): unknown {
  if (value === null) return undefined;
  return isJson(contentType) ? parseJson(value) : value.toString('utf8');
}

function fromStructured(record: BusRecord): CloudEvent {
  const event = record.value === null ? undefined : parseJson(record.value);
  if (typeof event !== 'object' || event === null) throw undecodable('the value is not a JSON object');
  const text = (name: string): string | undefined => {
    const value: unknown = Reflect.get(event, name);
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const headers: Record<string, string> = {};
  for (const name of [
    'specversion',
    'id',
    'source',
    'type',
    'time',
    'subject',
    'dataschema',
    'traceparent',
  ]) {
    const value = text(name);
    if (value !== undefined) headers[`ce_${name}`] = value;
  }
  const data: unknown = Reflect.get(event, 'data');
  const base64 = text('data_base64');
  const decoded = decodeCloudEvent({
    ...record,
    value: base64 === undefined ? valueOf(data, json) : Buffer.from(base64, 'base64'),
    headers: {
      ...record.headers,
      ...headers,
      'content-type': data === undefined ? (text('datacontenttype') ?? json) : json,
    },
  });
  return { ...decoded, datacontenttype: text('datacontenttype') ?? json };
}
