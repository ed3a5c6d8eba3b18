/** Text that every store can hold: PostgreSQL takes neither NUL nor half a surrogate pair. */
export const storable = (text: string): string =>
  (text.includes('\0') ? text.replaceAll('\0', '\ufffd') : text).toWellFormed();

/** A JSON value whose texts, keys included, every store can hold. */
export function storableValue<T>(value: T): T {
  return walk(value) as T;
}

function walk(value: unknown): unknown {
  if (typeof value === 'string') return storable(value);
  if (Array.isArray(value)) return value.map(walk);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [storable(key), walk(item)]));
}
