import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, readdir, readFile, rename, rm, unlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { makeFolder } from '@mortise/service-kit';
import type { Binaries } from './binaries.js';
import { EmbeddedPostgresError, explainFailure } from './failure.js';
import { isAlive, startOf } from './leftover.js';
import { launch, readLines } from './server-process.js';
import { giveTo, type RunAs } from './user.js';

/** What we keep beside PostgreSQL's own files, in mortise.json of the data folder. */
export interface FolderState {
  password: string;
  port?: number;
  /** The login and the database of Mortise exist. */
  ready?: boolean;
}

const stateFile = (dataDir: string) => join(dataDir, 'mortise.json');
const ownerFile = (dataDir: string) => join(dataDir, 'mortise.owner');

/**
 * The state of a folder of ours; undefined when there is none yet.
 * @throws EmbeddedPostgresError when something else lives there
 */
export async function inspectFolder(dataDir: string, majorVersion: string): Promise<FolderState | undefined> {
  let entries: string[];
  try {
    entries = await readdir(dataDir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new EmbeddedPostgresError(
      `${dataDir} cannot be used as a data folder (${(error as NodeJS.ErrnoException).code ?? String(error)}): choose another one with MORTISE_DATA_DIR`,
      { cause: error },
    );
  }
  if (entries.length === 0) return undefined;
  const version = (await readFile(join(dataDir, 'PG_VERSION'), 'utf8').catch(() => '')).trim();
  if (version === '' || !entries.includes('mortise.json'))
    throw new EmbeddedPostgresError(
      `${dataDir} holds ${version === '' ? 'files that are not' : "somebody else's PostgreSQL data, not"} Mortise's database: choose an empty folder with MORTISE_DATA_DIR`,
    );
  if (version !== majorVersion)
    throw new EmbeddedPostgresError(
      `${dataDir} was made by PostgreSQL ${version} and this is ${majorVersion}: dump and restore it, or choose an empty folder with MORTISE_DATA_DIR`,
    );
  try {
    return JSON.parse(await readFile(stateFile(dataDir), 'utf8')) as FolderState;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new EmbeddedPostgresError(
      `${stateFile(dataDir)}, which holds the password of the database, is broken: restore it, or choose an empty folder with MORTISE_DATA_DIR`,
      { cause: error },
    );
  }
}

/** Runs initdb in a folder beside and renames it, so that a half-made one is never taken for a database. */
export async function createFolder(
  dataDir: string,
  o: { binaries: Binaries; runAs: RunAs; durable: boolean; log: (line: string) => void },
): Promise<FolderState> {
  const fresh = `${dataDir}.new-${process.pid}`;
  const password = randomBytes(24).toString('base64url');
  const passwordFile = `${fresh}.password`;
  try {
    await sweepHalfMade(dataDir);
    await makeFolder(fresh, { mode: 0o700 });
    await giveTo(o.runAs, fresh);
    await writeFile(passwordFile, password, { mode: 0o600 });
    await giveTo(o.runAs, passwordFile);
    await runInitdb(fresh, passwordFile, o);
    await saveState(fresh, { password });
    await rename(fresh, dataDir);
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    throw error;
  } finally {
    await rm(passwordFile, { force: true });
  }
  return { password };
}

async function runInitdb(
  folder: string,
  passwordFile: string,
  o: { binaries: Binaries; runAs: RunAs; durable: boolean; log: (line: string) => void },
): Promise<void> {
  const args = [
    ...[
      '-D',
      folder,
      '-U',
      'postgres',
      '-A',
      'scram-sha-256',
      `--pwfile=${passwordFile}`,
      '--no-instructions',
    ],
    ...['-E', 'UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
    // The password is random: iterations would only make each connection slower.
    ...['-c', 'scram_iterations=1', '--wal-segsize=4'],
    ...(o.durable ? [] : ['--no-sync', '--no-data-checksums']),
  ];
  const child = launch(o.binaries.initdb, args, o.runAs);
  const lines = readLines(child, o.log);
  const [code] = (await once(child, 'close').catch(() => [1])) as [number | null];
  if (code !== 0) throw explainFailure(folder.replace(/\.new-\d+$/, ''), lines);
}

async function sweepHalfMade(dataDir: string): Promise<void> {
  const parent = dirname(dataDir);
  await makeFolder(parent);
  for (const name of await readdir(parent)) {
    const [, pid] = name.startsWith(`${basename(dataDir)}.new-`)
      ? (/\.new-(\d+)(?:\.password)?$/.exec(name) ?? [])
      : [];
    if (pid !== undefined && !isAlive(Number(pid)))
      await rm(join(parent, name), { recursive: true, force: true });
  }
}

/** Replaces the state in one step; a power cut leaves the old one or the new one, never half of it. */
export async function saveState(dataDir: string, state: FolderState): Promise<void> {
  const file = stateFile(dataDir);
  await writeFile(`${file}.new`, `${JSON.stringify(state)}\n`, { mode: 0o600, flush: true });
  await chmod(`${file}.new`, 0o600);
  await rename(`${file}.new`, file);
}

/**
 * Takes the folder for this process.
 * @throws EmbeddedPostgresError when another living Mortise has it
 */
export async function claimFolder(dataDir: string): Promise<() => Promise<void>> {
  const file = ownerFile(dataDir);
  const mine = `${process.pid} ${await startOf(process.pid)}`;
  for (;;) {
    try {
      await writeFile(file, mine, { flag: 'wx', mode: 0o600 });
      return () => unlink(file).catch(() => {});
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const text = await readFile(file, 'utf8').catch(() => '');
    const [pid = '0', ...started] = text.split(' ');
    if (isAlive(Number(pid)) && Number(pid) > 0 && (await startOf(Number(pid))) === started.join(' '))
      throw new EmbeddedPostgresError(
        `Another Mortise (process ${pid}) is using ${dataDir}: stop it, or choose another folder with MORTISE_DATA_DIR`,
      );
    await rm(file, { force: true });
  }
}
