import { mkdtemp, readdir, rm, utimes, writeFile, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { storeContract } from '../store.contract.js';
import { FsStore } from './store.js';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'mortise-fs-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

storeContract(() => new FsStore({ dir }));

describe('FsStore', () => {
  it('leaves no draft behind, whether a file was stored or refused', async () => {
    const store = new FsStore({ dir });
    const path = join(dir, 'upload');
    await writeFile(path, 'bytes');
    await store.putFile('staging/kept', path);
    await expect(store.putFile('staging/refused', path, { digest: '0'.repeat(64) })).rejects.toThrow();
    await expect(store.putFile('staging/absent', join(dir, 'absent'))).rejects.toThrow();

    expect(await readdir(join(dir, 'drafts'))).toEqual([]);
  });

  it('removes drafts that a killed process left over an hour ago, not those being written', async () => {
    const other = await mkdtemp(join(tmpdir(), 'mortise-fs-'));
    await mkdir(join(other, 'drafts'));
    await writeFile(join(other, 'drafts', 'old'), '');
    await utimes(join(other, 'drafts', 'old'), 0, 0);
    await writeFile(join(other, 'drafts', 'new'), '');
    await new FsStore({ dir: other }).ping();

    expect(await readdir(join(other, 'drafts'))).toEqual(['new']);
    await rm(other, { recursive: true });
  });
});
