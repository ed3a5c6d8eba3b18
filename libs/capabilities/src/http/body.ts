import { isUtf8 } from 'node:buffer';
import { PassThrough, pipeline, Transform, type Readable } from 'node:stream';
import { createGunzip, createInflate } from 'node:zlib';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { httpLimits } from './limits.js';
import type { Injected } from './masking.js';
import type { Bytes, Chunk } from './wire.js';

// Others take megabytes of window for each stream, and are not asked for.
const decoders: Record<string, (() => Transform) | undefined> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
};

const nothing: Buffer = Buffer.alloc(0);

/** What the host decodes; an answer in anything else reaches the plugin as it came. */
export const acceptEncoding = 'gzip, deflate';

/** The streams that decode a body, in their order; undefined where the host cannot, or would have to do it too often. */
export function decodersOf(encodings: string | undefined): (() => Transform)[] | undefined {
  const names = (encodings ?? '').split(',').map((name) => name.trim().toLowerCase());
  const coded = names.filter((name) => name !== '' && name !== 'identity').reverse();
  const found = coded.map((name) => (Object.hasOwn(decoders, name) ? decoders[name] : undefined));
  return found.length <= 2 && found.every((make) => make !== undefined) ? found : undefined;
}

export interface BodyRules {
  decode: (() => Transform)[];
  injected: Injected;
  /** Makes the error that ends a body of more bytes than allowed. */
  tooLarge: (bytes: number) => Error;
  onBytes: (count: number) => void;
}

/** The body of an answer, given out piece by piece as the plugin asks for it. */
export class Body {
  readonly #pieces: AsyncIterator<Buffer, undefined>;
  #next: Promise<IteratorResult<Buffer, undefined>> | undefined;
  /** Bytes of a character whose end is yet to come. */
  #held: Buffer = nothing;

  constructor(source: Readable, { decode, injected, tooLarge, onBytes }: BodyRules) {
    const stages = [
      counting(tooLarge, onBytes),
      ...decode.map((make) => make()),
      // Again: what is small on the wire may not be.
      ...(decode.length > 0 ? [counting(tooLarge)] : []),
      ...(injected.empty ? [] : [injected.stream()]),
    ];
    const last = new PassThrough({ highWaterMark: httpLimits.inlineBytes });
    pipeline([source, ...stages, last], () => {});
    this.#pieces = (last as AsyncIterable<Buffer, undefined>)[Symbol.asyncIterator]();
  }

  /** Waits for bytes or the end; more of them only where they are there already. */
  async read(most: number = httpLimits.pieceBytes): Promise<Chunk> {
    const parts = [this.#held];
    let bytes = this.#held.length;
    let done = false;
    while (bytes < most && !done) {
      const next = this.#take();
      if (bytes > this.#held.length && (await Promise.race([next, nextTurn('later')])) === 'later') break;
      const { value } = await next;
      this.#next = undefined;
      done = value === undefined;
      parts.push(value ?? nothing);
      bytes += value?.length ?? 0;
    }
    return this.#chunk(Buffer.concat(parts), done);
  }

  /** What is there already, without waiting for it. */
  async peek(): Promise<Chunk> {
    const isThere = (await Promise.race([this.#take().catch(() => 'later'), nextTurn('later')])) !== 'later';
    return isThere ? this.read() : { done: false };
  }

  #take(): Promise<IteratorResult<Buffer, undefined>> {
    return (this.#next ??= this.#pieces.next());
  }

  #chunk(bytes: Buffer, done: boolean): Chunk {
    const cut = done ? bytes.length : bytes.length - openCharacter(bytes);
    const now = bytes.subarray(0, cut);
    const isText = isUtf8(now);
    this.#held = isText ? bytes.subarray(cut) : nothing;
    return { ...written(isText ? now : bytes, isText), done };
  }
}

/** Bytes as they cross to the plugin. */
export function written(bytes: Buffer, isText = isUtf8(bytes)): Bytes {
  if (bytes.length === 0) return {};
  return isText ? { text: bytes.toString('utf8') } : { base64: bytes.toString('base64') };
}

/** How many bytes at the end belong to a character that is not complete. */
function openCharacter(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return back < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) ? back : 0;
  }
  return 0;
}

function counting(tooLarge: BodyRules['tooLarge'], onBytes?: BodyRules['onBytes']): Transform {
  let bytes = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      onBytes?.(chunk.length);
      if (bytes > httpLimits.responseBodyBytes) done(tooLarge(bytes));
      else done(null, chunk);
    },
  });
}
