import { closeSync, fstatSync, openSync, readSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { markBytes } from './child/mark.js';

let count = 0;

/**
 * Where a worker says which run is inside it: eight bytes in a file without a name, which the worker inherits open and
 * this side reads only when the worker no longer answers. It is the one thing a worker can write to.
 */
export class MarkFile {
  readonly fd: number;
  readonly #bytes = Buffer.alloc(markBytes);

  constructor(folder: string) {
    const path = join(folder, `mark-${++count}`);
    this.fd = openSync(path, 'wx+', 0o600);
    unlinkSync(path);
  }

  /** The run inside and the newest one started; zeros when none was marked. */
  read(): { inside: number; newest: number } {
    if (readSync(this.fd, this.#bytes, 0, markBytes, 0) < markBytes) return { inside: 0, newest: 0 };
    return { inside: this.#bytes.readUInt32LE(0), newest: this.#bytes.readUInt32LE(4) };
  }

  /** Larger than its eight bytes: something other than the worker's own code has written. */
  get misused(): boolean {
    return fstatSync(this.fd).size > markBytes;
  }

  close(): void {
    closeSync(this.fd);
  }
}
