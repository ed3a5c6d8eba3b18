import { intake } from '@mortise/contracts';
import { refuse } from '../refusal.js';
import { nameKey, nameProblem } from './entry-name.js';

/** Counts what an archive unpacks to and remembers its names: every cap and clash is decided here. */
export class Ledger {
  private entries = 0;
  private totalBytes = 0;
  private readonly files = new Set<string>();
  private readonly folders = new Set<string>();

  constructor(private readonly packedBytes: number) {}

  /** Takes note of an entry before any of its content is read. */
  open(name: string, sizeBytes: number): void {
    if (++this.entries > intake.entries) throw tooManyEntries();
    const problem = nameProblem(name);
    if (problem) throw refuse('PACKAGE_FORBIDDEN_FILE', 'entry-path', problem, printable(name));
    const isFolder = name.endsWith('/');
    this.claim(name, isFolder);
    if (isFolder && sizeBytes > 0)
      throw refuse('PACKAGE_INVALID', 'archive-corrupt', 'a folder has content', name);
    if (sizeBytes > intake.entryBytes) throw entryTooLarge(name);
  }

  /** Passes an entry's content on and counts it as it comes: headers may lie. */
  async *count(name: string, content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    let entryBytes = 0;
    for await (const chunk of content) {
      entryBytes += chunk.length;
      this.add(name, chunk.length, entryBytes);
      yield chunk;
    }
  }

  private add(name: string, bytes: number, entryBytes: number): void {
    this.totalBytes += bytes;
    if (entryBytes > intake.entryBytes) throw entryTooLarge(name);
    if (this.totalBytes > intake.packageBytes) {
      throw refuse(
        'PACKAGE_TOO_LARGE',
        'archive-size',
        `it unpacks to more than ${intake.packageBytes} bytes`,
      );
    }
    if (this.totalBytes > ratioFreeBytes && this.totalBytes > this.packedBytes * intake.ratio) {
      throw refuse(
        'PACKAGE_TOO_LARGE',
        'archive-size',
        `it unpacks to more than ${intake.ratio} times its size`,
      );
    }
  }

  private claim(name: string, isFolder: boolean): void {
    const key = nameKey(name);
    const parents = key
      .split('/')
      .slice(0, -1)
      .map((_, index, all) => all.slice(0, index + 1).join('/'));
    const clash =
      this.files.has(key) ||
      (!isFolder && this.folders.has(key)) ||
      parents.some((parent) => this.files.has(parent));
    if (clash) {
      throw refuse(
        'PACKAGE_FORBIDDEN_FILE',
        'entry-duplicate',
        'another entry has the same name on some system',
        name,
      );
    }
    (isFolder ? this.folders : this.files).add(key);
    for (const parent of parents) this.folders.add(parent);
  }
}

const ratioFreeBytes = 1_048_576;

export const tooManyEntries = () =>
  refuse('PACKAGE_TOO_LARGE', 'archive-entries', `it holds more than ${intake.entries} entries`);

const entryTooLarge = (name: string) =>
  refuse('PACKAGE_TOO_LARGE', 'archive-size', `it unpacks to more than ${intake.entryBytes} bytes`, name);

/** A hostile name must not write into a terminal or a log. */
export const printable = (name: string): string =>
  name
    .slice(0, 200)
    .replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g, '\ufffd');
