interface Masker {
  text(text: string): string;
}

/** JSON text without secret values. A mask inside a number or across a quote would break the text: strings only. */
export function maskJson(redactor: Masker, json: string): string {
  if (redactor.text(json) === json) return json;
  return JSON.stringify(maskValue(redactor, JSON.parse(json) as unknown));
}

/** Text that every store can hold: PostgreSQL takes neither NUL nor half a surrogate pair. */
export const storable = (text: string): string =>
  (text.includes('\0') ? text.replaceAll('\0', '\ufffd') : text).toWellFormed();

/** A JSON value whose strings, keys included, hold no secret value; numbers that are one become the mask. */
export function maskValue(redactor: Masker, value: unknown): unknown {
  if (typeof value === 'string') return storable(redactor.text(value));
  if (typeof value === 'number') {
    const text = String(value);
    const masked = redactor.text(text);
    return masked === text ? value : masked;
  }
  if (Array.isArray(value)) return value.map((item) => maskValue(redactor, item));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [storable(redactor.text(key)), maskValue(redactor, item)]),
    );
  }
  return value;
}
