import { writeSync } from 'node:fs';

/** Bytes of the whole file: the run inside, the newest one started, the last of those inside; three u32, little endian. */
export const markBytes = 12;

/**
 * Says which run is inside, for the case that this process never answers again: twelve bytes at the start of a file
 * that the supervisor made and reads only when it has to blame somebody.
 */
export class Mark {
  readonly #fd: number;
  readonly #bytes = Buffer.alloc(markBytes);
  #inside = 0;
  #newest = 0;
  #last = 0;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** @param last of the runs that are inside together, the first being `inside`; 0: one run is */
  set(inside: number, newest: number, last = 0): void {
    if (inside === this.#inside && newest === this.#newest && last === this.#last) return;
    this.#inside = inside;
    this.#newest = newest;
    this.#last = last;
    this.#bytes.writeUInt32LE(inside, 0);
    this.#bytes.writeUInt32LE(newest, 4);
    this.#bytes.writeUInt32LE(last, 8);
    writeSync(this.#fd, this.#bytes, 0, markBytes, 0);
  }
}
