import { hostEventTypes, isReservedEventType, type FieldError } from '@mortise/contracts';
import { AppError } from '@mortise/service-kit';

/** A CloudEvent as its sender means it. */
export interface SentEvent {
  id: string;
  source: string;
  type: string;
  time?: string;
  subject?: string;
  datacontenttype?: string;
  dataschema?: string;
  data?: unknown;
}

type Headers = Readonly<Record<string, string | string[] | undefined>>;
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * The event of a request, in structured mode (application/cloudevents+json) or binary mode (ce-* headers).
 * @throws AppError EVENT_INVALID naming every wrong attribute, EVENT_TYPE_RESERVED
 */
export function readEvent(headers: Headers, body: unknown): SentEvent {
  const contentType = String(headers['content-type'] ?? '');
  const structured =
    contentType.startsWith('application/cloudevents+json') ||
    (headers['ce-specversion'] === undefined && isObject(body) && 'specversion' in body);
  const event = structured ? fromBody(body) : fromHeaders(headers, body, contentType);
  checkType(event.type);
  return event;
}

const attributes = ['id', 'source', 'type', 'time', 'subject', 'datacontenttype', 'dataschema'] as const;
/** RFC 3339 with its zone. */
const timestamp = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i;
const maxAttributeLength = 1_024;
/** What CloudEvents forbids in its texts; besides, no database and no header could carry some of it. */
const forbidden = /[\u0000-\u001f\u007f-\u009f]/;

function fromBody(body: unknown): SentEvent {
  if (!isObject(body)) throw invalid([{ pointer: '', message: 'must be a JSON object' }]);
  const extra: FieldError[] =
    'data_base64' in body
      ? [{ pointer: '/data_base64', message: 'is not taken here: send JSON in data', rule: 'supported' }]
      : [];
  const event = checked(body, (name) => `/${name}`, extra);
  return 'data' in body ? { ...event, data: body['data'] } : event;
}

function fromHeaders(headers: Headers, body: unknown, contentType: string): SentEvent {
  const read = (name: string): string | undefined => {
    const value = headers[`ce-${name}`];
    return typeof value === 'string' ? decode(value) : undefined;
  };
  const sent = Object.fromEntries(['specversion', ...attributes].map((name) => [name, read(name)]));
  sent['datacontenttype'] = contentType === '' ? undefined : contentType.split(';', 1)[0]?.trim();
  const event = checked(sent, (name) => `/${name}`, []);
  return body === undefined ? event : { ...event, data: body };
}

// Binary mode carries what is not printable ASCII percent-encoded.
function decode(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

function checked(
  sent: Record<string, unknown>,
  pointer: (name: string) => string,
  extra: FieldError[],
): SentEvent {
  const errors = [...extra];
  const wrong = (name: string, message: string, rule: string) =>
    errors.push({ pointer: pointer(name), message, rule });
  if (sent['specversion'] !== '1.0') wrong('specversion', 'must be 1.0', 'specversion');
  const event: Record<string, string> = {};
  for (const name of attributes) {
    const value = sent[name];
    if (value === undefined || value === null) {
      if (name === 'id' || name === 'source' || name === 'type')
        wrong(name, 'is required: CloudEvents 1.0 asks for id, source and type', 'required');
    } else if (typeof value !== 'string' || value === '') wrong(name, 'must be a text, not empty', 'type');
    else if (value.length > maxAttributeLength)
      wrong(name, `must be ${maxAttributeLength} characters at most`, 'maxLength');
    else if (forbidden.test(value) || !value.isWellFormed())
      wrong(name, 'must hold no control characters and no half of a surrogate pair', 'characters');
    else event[name] = value;
  }
  if (
    event['time'] !== undefined &&
    (!timestamp.test(event['time']) || Number.isNaN(Date.parse(event['time'])))
  )
    wrong('time', 'must be a timestamp as 2026-11-21T12:00:00Z', 'format');
  if (event['type'] !== undefined && !/^[\w-]+(\.[\w-]+)*$/.test(event['type']))
    wrong('type', 'must be words joined by dots, as order.created', 'format');
  if (errors.length > 0) throw invalid(errors);
  return event as unknown as SentEvent;
}

const hostTypes: ReadonlySet<string> = new Set(hostEventTypes);

/**
 * The host product tells of its own events through the API; the platform's own types nobody else may claim.
 * @throws AppError EVENT_TYPE_RESERVED
 */
export function checkType(type: string): void {
  if (isReservedEventType(type) && !hostTypes.has(type)) throw new AppError('EVENT_TYPE_RESERVED', { type });
}

const invalid = (errors: FieldError[]) => new AppError('EVENT_INVALID', {}, { errors });
