import { Transform } from 'node:stream';
import { secretForms } from '../secret-forms.js';

const mask = '***';
const shortest = 4;
// A body may hold shorter ones by chance, and would be spoilt.
const shortestInBody = 8;

/** The secrets that the host has put into requests of one execution: what comes back holds none of them. */
export class Injected {
  #forms: { text: string; bytes: Buffer }[] = [];

  add(value: string): void {
    const known = new Set(this.#forms.map(({ text }) => text));
    const fresh = secretForms(value).filter((text) => text.length >= shortest && !known.has(text));
    // Longest first, so that a form that contains another is masked whole.
    this.#forms = [...this.#forms, ...fresh.map((text) => ({ text, bytes: Buffer.from(text) }))].sort(
      (a, b) => b.bytes.length - a.bytes.length,
    );
  }

  get empty(): boolean {
    return this.#forms.length === 0;
  }

  text(text: string): string {
    return this.#forms.reduce((clean, form) => clean.replaceAll(form.text, mask), text);
  }

  /** A stream that masks them wherever pieces are cut. */
  stream(): Transform {
    const forms = this.#forms.map(({ bytes }) => bytes).filter(({ length }) => length >= shortestInBody);
    const longest = forms[0]?.length ?? 1;
    let held: Buffer = Buffer.alloc(0);
    return new Transform({
      transform(chunk: Buffer, _encoding, done) {
        const data = held.length > 0 ? Buffer.concat([held, chunk]) : chunk;
        const { clean, rest } = maskBytes(data, forms, Math.max(0, data.length - longest + 1));
        held = rest;
        done(null, clean);
      },
      flush(done) {
        done(null, maskBytes(held, forms, held.length).clean);
      },
    });
  }
}

/** Masks what begins before `end`; the rest waits for more bytes. */
function maskBytes(data: Buffer, forms: readonly Buffer[], end: number): { clean: Buffer; rest: Buffer } {
  const parts: Buffer[] = [];
  let at = 0;
  for (;;) {
    const found = firstOf(data, forms, at);
    if (!found || found.at >= end) break;
    parts.push(data.subarray(at, found.at), Buffer.from(mask));
    at = found.at + found.length;
  }
  const cut = Math.max(at, end);
  parts.push(data.subarray(at, cut));
  return { clean: Buffer.concat(parts), rest: data.subarray(cut) };
}

function firstOf(
  data: Buffer,
  forms: readonly Buffer[],
  from: number,
): { at: number; length: number } | undefined {
  let first: { at: number; length: number } | undefined;
  for (const form of forms) {
    const at = data.indexOf(form, from);
    if (at >= 0 && (!first || at < first.at)) first = { at, length: form.length };
  }
  return first;
}
