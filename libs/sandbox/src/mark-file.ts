import { closeSync, fstatSync, openSync, readSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { markBytes } from './child/mark.js';

let count = 0;

export interface Marked {
  /** The run or errand that is inside the worker. */
  inside: number;
  /** The newest one it has started. */
  newest: number;
  /** Where several runs entered together: the last of them, `inside` being the first. Otherwise 0. */
  last: number;
}

/**
 * Where a worker says which run is inside it: twelve bytes in a file without a name, which the worker inherits open and
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

  /** What was marked; zeros when nothing was. */
  read(): Marked {
    if (readSync(this.fd, this.#bytes, 0, markBytes, 0) < markBytes) return { inside: 0, newest: 0, last: 0 };
    const [inside = 0, newest = 0, last = 0] = [0, 4, 8].map((at) => this.#bytes.readUInt32LE(at));
    return { inside, newest, last };
  }

  /** Larger than its twelve bytes: something other than the worker's own code has written. */
  get misused(): boolean {
    return fstatSync(this.fd).size > markBytes;
  }

  close(): void {
    closeSync(this.fd);
  }
}
