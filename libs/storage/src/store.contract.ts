import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PackageStore, StoredFile } from './package-store.js';

const digestOf = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** What every package store does. */
export function storeContract(open: () => PackageStore): void {
  describe('package store', () => {
    let store: PackageStore;
    let dir: string;
    beforeAll(async () => {
      store = open();
      dir = await mkdtemp(join(tmpdir(), 'mortise-store-'));
    });
    afterAll(() => rm(dir, { recursive: true, force: true }));

    async function file(bytes: Buffer): Promise<string> {
      const path = join(dir, randomBytes(8).toString('hex'));
      await writeFile(path, bytes);
      return path;
    }
    async function contentOf(name: string): Promise<Buffer | undefined> {
      const stream = await store.read(name);
      return stream && buffer(stream);
    }
    async function listOf(prefix: string): Promise<StoredFile[]> {
      const found: StoredFile[] = [];
      for await (const stored of store.list(prefix)) found.push(stored);
      return found;
    }
    const fresh = (folder: 'staging' | 'packages') => `${folder}/${randomBytes(32).toString('hex')}`;

    it('answers a ping before anything is stored', async () => {
      await store.ping();
    });

    it('gives back the bytes it was given, their size and time', async () => {
      const bytes = randomBytes(300_000);
      const name = fresh('staging');
      await store.putFile(name, await file(bytes));

      expect((await contentOf(name))?.equals(bytes)).toBe(true);
      const found = await store.stat(name);
      expect(found?.sizeBytes).toBe(bytes.length);
      expect(Math.abs(Date.now() - (found?.modifiedAt.getTime() ?? 0))).toBeLessThan(60_000);
    });

    it('knows nothing under a name that was never used', async () => {
      const name = fresh('packages');

      expect(await store.read(name)).toBeUndefined();
      expect(await store.stat(name)).toBeUndefined();
      await store.remove(name);
    });

    it('keeps an empty file', async () => {
      const name = fresh('staging');
      await store.putFile(name, await file(Buffer.alloc(0)));

      expect(await contentOf(name)).toEqual(Buffer.alloc(0));
    });

    it('refuses bytes that are not those of the digest and stores nothing', async () => {
      const name = fresh('packages');
      const path = await file(randomBytes(1_000));

      await expect(
        store.putFile(name, path, { digest: digestOf(Buffer.from('other')) }),
      ).rejects.toMatchObject({
        code: 'CHECKSUM_MISMATCH',
      });
      expect(await store.stat(name)).toBeUndefined();
    });

    it('takes bytes that are those of the digest', async () => {
      const bytes = randomBytes(1_000);
      const name = `packages/${digestOf(bytes)}`;
      await store.putFile(name, await file(bytes), { digest: digestOf(bytes) });

      expect((await contentOf(name))?.equals(bytes)).toBe(true);
    });

    it('never changes what stands under packages/, by writing or by copying', async () => {
      const [first, second] = [randomBytes(100), randomBytes(100)];
      const [name, other] = [fresh('packages'), fresh('staging')];
      await store.putFile(name, await file(first));
      await store.putFile(other, await file(second));

      await store.putFile(name, await file(second));
      await store.copy(other, name);

      expect((await contentOf(name))?.equals(first)).toBe(true);
    });

    it('replaces what stands under staging/', async () => {
      const [first, second] = [randomBytes(100), randomBytes(200)];
      const name = fresh('staging');
      await store.putFile(name, await file(first));
      await store.putFile(name, await file(second));

      expect((await contentOf(name))?.equals(second)).toBe(true);
    });

    it('copies, and the copy outlives the original', async () => {
      const bytes = randomBytes(50_000);
      const [from, to] = [fresh('staging'), fresh('packages')];
      await store.putFile(from, await file(bytes));
      await store.copy(from, to);
      await store.remove(from);

      expect(await store.stat(from)).toBeUndefined();
      expect((await contentOf(to))?.equals(bytes)).toBe(true);
    });

    it('says so when there is nothing to copy', async () => {
      const to = fresh('packages');

      await expect(store.copy(fresh('staging'), to)).rejects.toMatchObject({ code: 'NOT_FOUND' });
      expect(await store.stat(to)).toBeUndefined();
    });

    it('survives many writers of one name: one of them is there, whole', async () => {
      const all = Array.from({ length: 8 }, () => randomBytes(200_000));
      const name = fresh('packages');
      const paths = await Promise.all(all.map(file));
      await Promise.all(paths.map((path) => store.putFile(name, path)));

      const content = await contentOf(name);
      expect(all.some((bytes) => content?.equals(bytes))).toBe(true);
    });

    it('lists what is under a prefix, with its time', async () => {
      const mark = randomBytes(6).toString('hex');
      const names = [`staging/${mark}-a`, `staging/${mark}-b`];
      for (const name of names) await store.putFile(name, await file(Buffer.from('x')));
      await store.putFile(`packages/${mark}-c`, await file(Buffer.from('x')));

      const listed = await listOf(`staging/${mark}`);
      expect(listed.map(({ name }) => name).sort()).toEqual(names);
      expect(listed.every(({ modifiedAt }) => modifiedAt.getTime() > Date.now() - 60_000)).toBe(true);
      expect(await listOf(`staging/${mark}-none`)).toEqual([]);
    });

    it.each([
      '../etc/passwd',
      'packages/../../x',
      '/packages/a',
      'packages/',
      'other/a',
      'packages/a\0b',
      'staging/.x',
    ])('refuses the name %j', async (name) => {
      await expect(store.read(name)).rejects.toThrow('Not a name');
      await expect(store.putFile(name, '/dev/null')).rejects.toThrow('Not a name');
    });
  });
}
