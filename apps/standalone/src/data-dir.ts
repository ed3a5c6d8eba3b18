import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, statfs, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

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
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    const names = await readdir(path);
    if (!names.includes(marker)) {
      if (names.length > 0)
        throw new Error(
          `${folder} holds other files and is not a Mortise data folder: name an empty one in MORTISE_DATA_DIR`,
        );
      await writeFile(at(marker), `${JSON.stringify({ format: 1 })}\n`);
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error)
      throw new Error(
        `The data folder ${folder} cannot be used (${String(error.code)}): name a writable one in MORTISE_DATA_DIR`,
        { cause: error },
      );
    throw error;
  }
  const { bavail, bsize } = await statfs(path);
  if (bavail * bsize < leastFreeBytes)
    throw new Error(
      `The disk of ${folder} has less than 256 MB left: free some space or name another folder in MORTISE_DATA_DIR`,
    );
  await holdAlone(at('pid'), folder);
  return { path, at, secret: (name) => keepSecret(at(name)) };
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

async function keepSecret(file: string): Promise<string> {
  const kept = await readFile(file, 'utf8').catch(() => undefined);
  if (kept?.trim()) return kept.trim();
  const secret = randomBytes(32).toString('hex');
  await writeFile(file, `${secret}\n`, { mode: 0o600 });
  await chmod(file, 0o600);
  return secret;
}
