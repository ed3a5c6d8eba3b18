import { TestEventAliasBody, TestEventBody } from '@mortise/contracts';
import { toChecked } from '@mortise/service-kit';

/**
 * `{type, data}`, or `{event_type, event_data}` of the older way.
 * @throws AppError INVALID_REQUEST
 */
export function readTestBody(body: unknown): { type: string; data?: unknown } {
  const object = typeof body === 'object' && body !== null && !Array.isArray(body) ? body : {};
  if (!('event_type' in object)) return toChecked(TestEventBody, object);
  const alias = toChecked(TestEventAliasBody, object);
  return { type: alias.event_type, data: alias.event_data };
}
