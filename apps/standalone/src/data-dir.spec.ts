import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDataDir } from './data-dir.js';

describe('the data folder', () => {
  let base: string;
  beforeEach(async () => {
    base = await mkdtemp(join(tmpdir(), 'mortise-data-'));
  });
  afterEach(() => rm(base, { recursive: true, force: true }));

  it('keeps the secrets it makes, for its owner alone', async () => {
    const first = await (await openDataDir(join(base, 'new'))).secret('master-key');
    const again = await (await openDataDir(join(base, 'new'))).secret('master-key');

    expect(first).toMatch(/^[0-9a-f]{64}$/);
    expect(again).toBe(first);
    expect((await stat(join(base, 'new/master-key'))).mode & 0o777).toBe(0o600);
  });

  it('refuses a folder that holds other files, and leaves them as they were', async () => {
    await writeFile(join(base, 'thesis.txt'), 'mine');

    await expect(openDataDir(base)).rejects.toThrow('is not a Mortise data folder: name an empty one');
    expect(await readFile(join(base, 'thesis.txt'), 'utf8')).toBe('mine');
  });

  it('refuses a path that is a file', async () => {
    await writeFile(join(base, 'file'), '');

    await expect(openDataDir(join(base, 'file'))).rejects.toThrow('cannot be used (EEXIST)');
  });

  it('takes over from a process that is gone', async () => {
    await openDataDir(join(base, 'new'));
    await writeFile(join(base, 'new/pid'), '999999999');

    await expect(openDataDir(join(base, 'new'))).resolves.toBeDefined();
  });
});
