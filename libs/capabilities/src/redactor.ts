const mask = '***';

/** Masks the secret values an execution has read, wherever exact copies of them would leave it. */
export class Redactor {
  readonly #values: string[] = [];

  /** Very short values are left alone: masking them would eat ordinary text. */
  add(value: string): void {
    if (value.length < 4) return;
    const escaped = JSON.stringify(value).slice(1, -1);
    for (const form of [value, escaped]) if (!this.#values.includes(form)) this.#values.push(form);
    // Longest first, so that a value that contains another is masked whole.
    this.#values.sort((a, b) => b.length - a.length);
  }

  get empty(): boolean {
    return this.#values.length === 0;
  }

  /** Plain or JSON text without the values. */
  text(text: string): string {
    let clean = text;
    for (const value of this.#values) if (clean.includes(value)) clean = clean.replaceAll(value, mask);
    return clean;
  }

  /** Any JSON value without them, keys included. */
  value<T>(value: T): T {
    return this.empty ? value : (JSON.parse(this.text(JSON.stringify(value) ?? 'null')) as T);
  }
}
