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

const isStorable = (text: string): boolean => !text.includes('\0') && text.isWellFormed();
const escape = (key: string): string => key.replaceAll('~', '~0').replaceAll('/', '~1');

/** JSON pointer of the first text, keys included, that PostgreSQL cannot hold; undefined when it can hold them all. */
export function unstorablePlace(value: unknown, pointer = ''): string | undefined {
  if (typeof value === 'string') return isStorable(value) ? undefined : pointer;
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [key, item] of Object.entries(value)) {
    const inner = `${pointer}/${escape(key)}`;
    const place = isStorable(key) ? unstorablePlace(item, inner) : inner;
    if (place !== undefined) return place;
  }
  return undefined;
}

/** A value whose texts, keys included, PostgreSQL can hold. */
export function storable(value: unknown): unknown {
  if (typeof value === 'string') return storableText(value);
  if (Array.isArray(value)) return value.map(storable);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [storableText(key), storable(item)]));
}
