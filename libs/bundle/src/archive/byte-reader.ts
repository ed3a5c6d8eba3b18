import { refuse } from '../refusal.js';

/** Hands out a stream's bytes in pieces of asked length, holding no more than one chunk besides. */
export class ByteReader {
  private readonly source: AsyncIterator<Buffer>;
  private chunk: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.source = source[Symbol.asyncIterator]();
  }

  /** Exactly so many bytes; undefined when the stream ends before. For small pieces: they are gathered. */
  async exactly(length: number): Promise<Buffer | undefined> {
    const parts: Buffer[] = [];
    for (let missing = length; missing > 0;) {
      const part = await this.next(missing);
      if (!part) return undefined;
      parts.push(part);
      missing -= part.length;
    }
    return parts.length === 1 ? parts[0] : Buffer.concat(parts);
  }

  /** So many bytes as a stream, which can be read once. */
  async *take(length: number): AsyncGenerator<Buffer> {
    for (let missing = length; missing > 0;) {
      const part = await this.next(missing);
      if (!part) throw refuse('PACKAGE_INVALID', 'archive-corrupt', 'it is truncated');
      missing -= part.length;
      yield part;
    }
  }

  /** Everything up to the end of the stream. */
  async *rest(): AsyncGenerator<Buffer> {
    for (let part = await this.next(Infinity); part; part = await this.next(Infinity)) yield part;
  }

  private async next(atMost: number): Promise<Buffer | undefined> {
    while (this.chunk.length === 0) {
      const next = await this.source.next();
      if (next.done) return undefined;
      this.chunk = next.value;
    }
    const part = this.chunk.subarray(0, atMost);
    this.chunk = this.chunk.subarray(part.length);
    return part;
  }
}
