import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes a folder and those above it. Node's own `recursive` never returns under /proc, where a folder that is there
 * answers that it is not when something is to be made in it.
 * @throws the error of the file system: `folderTrouble` says it in words
 */
export async function makeFolder(path: string, o: { mode?: number } = {}): Promise<void> {
  try {
    await mkdir(path, o);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && (await stat(path)).isDirectory()) return;
    if (code !== 'ENOENT' || dirname(path) === path) throw error;
    await makeFolder(dirname(path), o);
    await mkdir(path, o).catch((second: NodeJS.ErrnoException) => {
      if (second.code !== 'EEXIST') throw second;
    });
  }
}

const words: Readonly<Record<string, string>> = {
  EACCES: 'this user may not write there',
  EDQUOT: 'the quota of this user is used up',
  EEXIST: 'a file is in its place',
  ELOOP: 'its links lead in a circle',
  ENOENT: 'nothing can be made at this path',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'a file is in its place',
  EPERM: 'this user may not write there',
  EROFS: 'the file system is read-only',
};

/** What an error of the file system means to the person who chose the folder; undefined for other errors. */
export function folderTrouble(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('syscall' in error)) return undefined;
  const { code = '' } = error as NodeJS.ErrnoException;
  return words[code] ?? code;
}
