import { jsonDepth } from '@mortise/contracts';
import { AppError } from '@mortise/service-kit';

// NUL, lone halves of surrogate pairs, and numbers that no double holds either are JSON, but jsonb refuses them.
const suspicious = /\\u(?:0000|d[89a-f])|e[-+]?\d{3}|\d{309}/i;
/** jsonb is read by recursion, and so are values here. */
const depthMax = 1_000;

/**
 * A plugin's result as text that jsonb takes.
 * @throws AppError MESSAGE_UNDECODABLE when it is not JSON or nests too deep
 */
export function storableJson(text: string): string {
  if (text.length > 2 * depthMax && jsonDepth(text) > depthMax)
    throw new AppError('MESSAGE_UNDECODABLE', { reason: `the result nests deeper than ${depthMax} levels` });
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
