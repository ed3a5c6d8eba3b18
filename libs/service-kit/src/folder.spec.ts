import { mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { folderTrouble, makeFolder } from './folder.js';

let base: string;
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'mortise-folder-'));
});
afterAll(() => rm(base, { recursive: true, force: true }));

describe('makeFolder', () => {
  it('makes what is missing on the way, with the mode asked for, and is content with what is there', async () => {
    const path = join(base, 'a/b/c');
    await Promise.all([makeFolder(path, { mode: 0o700 }), makeFolder(path, { mode: 0o700 })]);
    await makeFolder(path);

    expect((await stat(path)).mode & 0o777).toBe(0o700);
    expect((await stat(join(base, 'a'))).mode & 0o777).toBe(0o700);
  });

  it('takes a link to a folder for one', async () => {
    await mkdir(join(base, 'real'));
    await symlink('real', join(base, 'link'));

    await expect(makeFolder(join(base, 'link'))).resolves.toBeUndefined();
    await expect(makeFolder(join(base, 'link/below'))).resolves.toBeUndefined();
  });

  it.skipIf(process.platform !== 'linux')('comes back from /proc', async () => {
    await expect(makeFolder('/proc/mortise/data')).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it.each([
    ['a file', async (path: string) => writeFile(path, ''), 'a file is in its place'],
    [
      'a link to nowhere',
      (path: string) => symlink('nowhere/at/all', path),
      'nothing can be made at this path',
    ],
    ['a link to itself', (path: string) => symlink(path, path), 'its links lead in a circle'],
  ])('says that %s is no folder', async (name, place, words) => {
    const path = join(base, name);
    await place(path);

    for (const wanted of [path, join(path, 'below')])
      expect(await makeFolder(wanted).catch(folderTrouble)).toBe(words);
  });
});

it('has words for troubles of folders only', () => {
  expect(folderTrouble(new Error('something else'))).toBeUndefined();
  expect(folderTrouble(Object.assign(new Error(), { syscall: 'open', code: 'EIO' }))).toBe('EIO');
});
