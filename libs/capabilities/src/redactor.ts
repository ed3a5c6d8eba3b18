import { secretForms } from './secret-forms.js';

const mask = '***';
const shortest = 4;

/**
 * Masks the secret values an execution has used, wherever copies of them would leave it: exact ones, and as they are
 * written into URLs, JSON and base64. Values changed in other ways (reversed, cut, in hexadecimal) pass: a plugin that may
 * read a secret can leak it.
 */
export class Redactor {
  #values: readonly string[];

  /** @param known what it masks from the beginning */
  constructor(known?: Redactor) {
    this.#values = known ? known.#values : [];
  }

  /** Values under 4 characters are left alone: masking them would eat ordinary text. */
  add(value: string): void {
    if (value.length < shortest || this.#values.includes(value)) return;
    // Longest first, so that a value that contains another is masked whole.
    this.#values = [...this.#values, ...secretForms(value)].sort((a, b) => b.length - a.length);
  }

  get empty(): boolean {
    return this.#values.length === 0;
  }

  /** Plain text without the values. */
  text(text: string): string {
    let clean = text;
    for (const value of this.#values) if (clean.includes(value)) clean = clean.replaceAll(value, mask);
    return clean;
  }

  /** JSON text without them: still JSON, strings and keys masked. */
  json(json: string): string {
    const touched = this.#values.some(
      (value) =>
        json.includes(value) || json.includes(JSON.stringify(value).slice(1, -1)) || json.includes('\\u'),
    );
    return touched ? JSON.stringify(this.value(JSON.parse(json) as unknown)) : json;
  }

  /** Any JSON value without them. Keys named `__proto__` are dropped. */
  value<T>(value: T): T {
    return this.empty ? value : (this.#walk(value) as T);
  }

  #walk(value: unknown): unknown {
    if (typeof value === 'string') return this.text(value);
    if (typeof value === 'number') return this.#values.includes(String(value)) ? mask : value;
    if (Array.isArray(value)) return value.map((item) => this.#walk(item));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .filter(([key]) => key !== '__proto__')
        .map(([key, item]) => [this.text(key), this.#walk(item)]),
    );
  }
}
