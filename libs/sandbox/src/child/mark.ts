import { writeSync } from 'node:fs';

/** Bytes of the whole file: the run inside and the newest one started, two u32, little endian. */
export const markBytes = 8;

/**
 * Says which run is inside, for the case that this process never answers again: eight bytes at the start of a file that
 * the supervisor made and reads only when it has to blame somebody.
 */
export class Mark {
  readonly #fd: number;
  readonly #bytes = Buffer.alloc(markBytes);
  #inside = 0;
  #newest = 0;

  constructor(fd: number) {
    this.#fd = fd;
  }

  set(inside: number, newest: number): void {
    if (inside === this.#inside && newest === this.#newest) return;
    this.#inside = inside;
    this.#newest = newest;
    this.#bytes.writeUInt32LE(inside, 0);
    this.#bytes.writeUInt32LE(newest, 4);
    writeSync(this.#fd, this.#bytes, 0, markBytes, 0);
  }
}
