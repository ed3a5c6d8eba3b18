import { AppError } from '@mortise/service-kit';

// NUL and lone halves of surrogate pairs are JSON, but jsonb refuses them.
const suspicious = /\\u(?:0000|d[89a-f])/i;

/**
 * A plugin's result as text that jsonb takes.
 * @throws AppError MESSAGE_UNDECODABLE when it is not JSON
 */
export function storableJson(text: string): string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new AppError('MESSAGE_UNDECODABLE', { reason: 'the result is not JSON' }, { cause });
  }
  return suspicious.test(text) ? JSON.stringify(storable(value)) : text;
}

export const storableText = (text: string): string => text.replaceAll('\0', '\ufffd').toWellFormed();

/** A value whose texts, keys included, PostgreSQL can hold. */
export function storable(value: unknown): unknown {
  if (typeof value === 'string') return storableText(value);
  if (Array.isArray(value)) return value.map(storable);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [storableText(key), storable(item)]));
}
