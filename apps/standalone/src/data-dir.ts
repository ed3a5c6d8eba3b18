import { randomBytes } from 'node:crypto';
import { chmod, readdir, readFile, rename, statfs, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { folderTrouble, makeFolder } from '@mortise/service-kit';

/** The folder that holds everything of one platform: database, packages, keys, log. */
export interface DataDir {
  path: string;
  /** Path of something inside. */
  at(name: string): string;
  /** A random secret that is made once and kept in a file only the owner reads. */
  secret(name: string): Promise<string>;
}

const marker = 'mortise.json';
const leastFreeBytes = 256 * 1_048_576;

/**
 * Opens the folder, or makes it.
 * @throws Error with one sentence when the folder is somebody else's, not writable, in use or on a full disk
 */
export async function openDataDir(folder: string): Promise<DataDir> {
  const path = resolve(folder);
  const at = (name: string) => join(path, name);
  await explained(folder, async () => {
    await makeFolder(path, { mode: 0o700 });
    const names = await readdir(path);
    if (!names.includes(marker) && names.length > 0)
      throw new Error(
        `${folder} holds other files and is not a Mortise data folder: name an empty one in MORTISE_DATA_DIR`,
      );
    // Asked before anything is written: a full disk is left as it was.
    const { bavail, bsize } = await statfs(path);
    if (bavail * bsize < leastFreeBytes)
      throw new Error(
        `The disk of ${folder} has less than 256 MB left: free some space or name another folder in MORTISE_DATA_DIR`,
      );
    if (names.length === 0) await writeFile(at(marker), `${JSON.stringify({ format: 1 })}\n`);
    await holdAlone(at('pid'), folder);
  });
  return { path, at, secret: (name) => explained(folder, () => keepSecret(path, name)) };
}

/** What the file system says, in the words of the person who named the folder. */
async function explained<T>(folder: string, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (error) {
    const trouble = folderTrouble(error);
    if (trouble === undefined) throw error;
    throw new Error(
      `The data folder ${folder} cannot be used (${trouble}): name a writable one in MORTISE_DATA_DIR`,
      { cause: error },
    );
  }
}

async function holdAlone(file: string, folder: string): Promise<void> {
  const pid = Number(await readFile(file, 'utf8').catch(() => ''));
  if (pid > 0 && pid !== process.pid && (await isMortise(pid))) {
    throw new Error(
      `${folder} is in use by the Mortise with pid ${pid}: stop that one first, or name another folder in MORTISE_DATA_DIR`,
    );
  }
  await writeFile(file, String(process.pid));
}

/** A pid may have been given to another program since: the command line tells. */
const isMortise = async (pid: number): Promise<boolean> =>
  readFile(`/proc/${pid}/cmdline`, 'utf8').then(
    (command) => command.includes('standalone'),
    () => {
      try {
        return process.kill(pid, 0);
      } catch {
        return false;
      }
    },
  );

async function keepSecret(folder: string, name: string): Promise<string> {
  const file = join(folder, name);
  // One that cannot be read is not made anew: what it seals would be lost.
  const kept = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    return '';
  });
  if (kept.trim()) return kept.trim();
  const secret = randomBytes(32).toString('hex');
  // On the disk before anything is sealed with it: the database would outlive a power cut, the key would not.
  await writeFile(`${file}.new`, `${secret}\n`, { mode: 0o600, flush: true });
  await chmod(`${file}.new`, 0o600);
  await rename(`${file}.new`, file);
  return secret;
}
