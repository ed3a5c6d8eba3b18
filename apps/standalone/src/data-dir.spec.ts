import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
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

    await expect(openDataDir(join(base, 'file'))).rejects.toThrow('cannot be used (a file is in its place)');
  });

  it.skipIf(process.getuid?.() === 0)(
    'refuses a folder of its own that it may not write to any more',
    async () => {
      await openDataDir(base);
      await chmod(base, 0o500);
      await chmod(join(base, 'pid'), 0o400);

      await expect(openDataDir(base)).rejects.toThrow('cannot be used (this user may not write there)');
      await chmod(base, 0o700);
    },
  );

  it('never makes a secret anew that is there and cannot be read', async () => {
    const dir = await openDataDir(base);
    await mkdir(join(base, 'master-key'));

    await expect(dir.secret('master-key')).rejects.toThrow(`The data folder ${base} cannot be used (EISDIR)`);
  });

  it('takes over from a process that is gone', async () => {
    await openDataDir(join(base, 'new'));
    await writeFile(join(base, 'new/pid'), '999999999');

    await expect(openDataDir(join(base, 'new'))).resolves.toBeDefined();
  });
});
