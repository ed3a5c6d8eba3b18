/**
 * The wire between supervisor and worker: `[u32 length of payload][u32 id][u8 type][payload, UTF-8]`, little endian.
 * Used on both sides; the supervisor treats what it reads as hostile.
 */
export const frameType = {
  // to the worker
  load: 1,
  run: 2,
  reply: 3,
  cancel: 4,
  unload: 5,
  inspect: 6,
  ping: 7,
  limits: 8,
  warm: 9,
  // from the worker
  ready: 32,
  done: 33,
  call: 34,
  log: 35,
  limit: 36,
  pong: 37,
  blanks: 38,
} as const;

const headerBytes = 9;
/** Larger than any result or source that limits allow. */
export const maxFrameBytes = 72 * 1_048_576;
const keepBytes = 1_048_576;
const largeLength = 262_144;

const atEndOfTick = (flush: () => void): void => process.nextTick(flush);

/** Collects frames and hands them over as one buffer, when `defer` comes to it. */
export class FrameWriter {
  #buffer = Buffer.allocUnsafeSlow(65_536);
  #used = 0;
  #scheduled = false;
  readonly #write: (bytes: Buffer) => void;
  readonly #defer: (flush: () => void) => void;

  /** @param defer default: after all that is to be done in this tick, promises included */
  constructor(write: (bytes: Buffer) => void, defer = atEndOfTick) {
    this.#write = write;
    this.#defer = defer;
  }

  send(id: number, type: number, payload: string): void {
    // A large one goes by itself: collecting many of them would copy all of it time and again.
    if (payload.length > largeLength) this.flush();
    // 3 bytes is the most a UTF-16 unit takes; short texts skip the exact count.
    const most = payload.length < 4_096 ? payload.length * 3 : Buffer.byteLength(payload);
    this.#reserve(headerBytes + most);
    const at = this.#used;
    const length = this.#buffer.write(payload, at + headerBytes, 'utf8');
    this.#buffer.writeUInt32LE(length, at);
    this.#buffer.writeUInt32LE(id, at + 4);
    this.#buffer[at + 8] = type;
    this.#used = at + headerBytes + length;
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#defer(this.flush);
  }

  readonly flush = (): void => {
    this.#scheduled = false;
    if (this.#used === 0) return;
    // The socket may hold on to what it is given, so each tick's bytes are a copy of their own.
    const bytes = Buffer.from(this.#buffer.subarray(0, this.#used));
    this.#used = 0;
    if (this.#buffer.length > keepBytes) this.#buffer = Buffer.allocUnsafeSlow(65_536);
    this.#write(bytes);
  };

  #reserve(bytes: number): void {
    const needed = this.#used + bytes;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(larger, 0, 0, this.#used);
    this.#buffer = larger;
  }
}

/** Cuts a byte stream into frames. */
export class FrameReader {
  #rest: Buffer[] = [];
  #restBytes = 0;
  #needed = headerBytes;
  readonly #onFrame: (id: number, type: number, payload: string) => void;
  readonly #mostBytes: (type: number) => number;

  /** @param mostBytes that a frame of a type may have: refused from its header on, before anything of it is kept */
  constructor(
    onFrame: (id: number, type: number, payload: string) => void,
    mostBytes: (type: number) => number = () => maxFrameBytes,
  ) {
    this.#onFrame = onFrame;
    this.#mostBytes = mostBytes;
  }

  /** @throws RangeError when a frame announces more bytes than allowed: the stream cannot be trusted any further */
  push(chunk: Buffer): void {
    if (this.#restBytes > 0) {
      this.#rest.push(chunk);
      this.#restBytes += chunk.length;
      if (this.#restBytes < this.#needed) return;
      chunk = Buffer.concat(this.#rest, this.#restBytes);
      this.#rest = [];
      this.#restBytes = 0;
    }
    let at = 0;
    this.#needed = headerBytes;
    while (chunk.length - at >= headerBytes) {
      const length = chunk.readUInt32LE(at);
      const type = chunk[at + 8] ?? 0;
      if (length > this.#mostBytes(type))
        throw new RangeError(`a frame of type ${type} and ${length} bytes is over the limit`);
      const end = at + headerBytes + length;
      if (end > chunk.length) {
        this.#needed = headerBytes + length;
        break;
      }
      this.#onFrame(chunk.readUInt32LE(at + 4), type, chunk.toString('utf8', at + headerBytes, end));
      at = end;
    }
    if (at < chunk.length) {
      this.#rest = [at === 0 ? chunk : chunk.subarray(at)];
      this.#restBytes = chunk.length - at;
    }
  }
}
