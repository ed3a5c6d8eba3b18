import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { access, copyFile, link, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import type { Readable } from 'node:stream';
import { AppError } from '@mortise/service-kit';
import { assertDigest } from '../digest.js';
import { assertName, assertPrefix, isImmutable } from '../names.js';
import type { PackageStore, StoredFile } from '../package-store.js';

const leftoverMs = 3_600_000;

const isMissing = (error: unknown) => (error as NodeJS.ErrnoException).code === 'ENOENT';

/** A folder. A file is written beside, flushed to the disk and then put in its place in one step. */
export class FsStore implements PackageStore {
  private readonly root: string;
  private prepared: Promise<void> | undefined;

  constructor(o: { dir: string }) {
    this.root = resolve(o.dir);
  }

  async putFile(name: string, path: string, o: { digest?: string } = {}): Promise<void> {
    assertName(name);
    await this.prepare();
    const draft = this.draft();
    try {
      await copyFile(path, draft, constants.COPYFILE_FICLONE);
      // The copy is checked, not the original: that is what will be read.
      if (o.digest !== undefined) await assertDigest(draft, o.digest);
      await this.place(draft, name);
    } finally {
      await rm(draft, { force: true });
    }
  }

  async read(name: string): Promise<Readable | undefined> {
    assertName(name);
    try {
      const file = await open(this.pathOf(name));
      return file.createReadStream();
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async copy(from: string, to: string): Promise<void> {
    assertName(from);
    assertName(to);
    await this.prepare();
    const draft = this.draft();
    try {
      await copyFile(this.pathOf(from), draft, constants.COPYFILE_FICLONE);
      await this.place(draft, to);
    } catch (error) {
      throw isMissing(error) ? new AppError('NOT_FOUND', { what: from }, { cause: error }) : error;
    } finally {
      await rm(draft, { force: true });
    }
  }

  async remove(name: string): Promise<void> {
    assertName(name);
    await rm(this.pathOf(name), { force: true });
  }

  async stat(name: string): Promise<{ sizeBytes: number; modifiedAt: Date } | undefined> {
    assertName(name);
    try {
      const { size, mtime } = await stat(this.pathOf(name));
      return { sizeBytes: size, modifiedAt: mtime };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async *list(prefix: string): AsyncIterable<StoredFile> {
    assertPrefix(prefix);
    for (const path of await filesIn(this.pathOf(dirname(`${prefix}x`)))) {
      const name = relative(this.root, path).split(sep).join('/');
      // One that was removed since is left out.
      const found = name.startsWith(prefix) ? await this.stat(name) : undefined;
      if (found) yield { name, modifiedAt: found.modifiedAt };
    }
  }

  async ping(): Promise<void> {
    await this.prepare();
    await access(this.root, constants.R_OK | constants.W_OK);
  }

  private pathOf(name: string): string {
    return join(this.root, ...name.split('/'));
  }

  private draft(): string {
    return join(this.root, 'drafts', randomUUID());
  }

  /** Makes the folders and removes drafts a killed process has left, once. */
  private prepare(): Promise<void> {
    this.prepared ??= (async () => {
      for (const folder of ['drafts', 'staging', 'packages'])
        await mkdir(join(this.root, folder), { recursive: true });
      for (const path of await filesIn(join(this.root, 'drafts'))) {
        const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
        if (mtimeMs < Date.now() - leftoverMs) await rm(path, { force: true });
      }
    })();
    this.prepared.catch(() => (this.prepared = undefined));
    return this.prepared;
  }

  private async place(draft: string, name: string): Promise<void> {
    const target = this.pathOf(name);
    await mkdir(dirname(target), { recursive: true });
    await flush(draft);
    if (!isImmutable(name)) await rename(draft, target);
    else {
      // A link, unlike a rename, never replaces what is there.
      await link(draft, target).catch((error: unknown) => {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      });
    }
    await flush(dirname(target));
  }
}

async function flush(path: string): Promise<void> {
  const file = await open(path);
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function filesIn(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
