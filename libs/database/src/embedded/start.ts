import { createServer } from 'node:net';
import { dirname, resolve } from 'node:path';
import { makeFolder } from '@mortise/service-kit';
import { connect } from '../connection.js';
import { findBinaries } from './binaries.js';
import { claimFolder, createFolder, inspectFolder, saveState, type FolderState } from './data-folder.js';
import { EmbeddedPostgresError, explainFailure } from './failure.js';
import { stopLeftover } from './leftover.js';
import { ServerProcess } from './server-process.js';
import { chooseUser } from './user.js';

export { EmbeddedPostgresError } from './failure.js';

export interface EmbeddedPostgresOptions {
  /** Made at the first start; nothing else may live in it. */
  dataDir: string;
  /** Taken when it is free, else another one; default: the last start's. */
  port?: number;
  log?: (line: string) => void;
  /** false: for a throw-away database; nothing survives a crash of the machine. */
  durable?: boolean;
  /** PostgreSQL ended although nobody asked it to. */
  onUnexpectedExit?: (error: EmbeddedPostgresError) => void;
}

export interface EmbeddedPostgres {
  /** Login `mortise`, who owns the database `mortise` and may create roles; no superuser. */
  url: string;
  close(): Promise<void>;
}

const settings = (port: number, durable: boolean): string[] => [
  ...[`port=${port}`, 'listen_addresses=127.0.0.1', 'unix_socket_directories=', 'lc_messages=C'],
  ...['timezone=UTC', 'log_timezone=UTC', 'log_min_messages=warning', 'logging_collector=off'],
  // Containers give 64 MB of shared memory, too little for parallel queries; ours are small.
  ...[
    'max_connections=200',
    'shared_buffers=64MB',
    'max_parallel_workers_per_gather=0',
    'scram_iterations=1',
  ],
  ...['wal_level=minimal', 'max_wal_senders=0', 'checkpoint_timeout=15min', 'log_checkpoints=off'],
  ...(durable ? [] : ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off', 'max_connections=400']),
];

/**
 * A PostgreSQL of our own that lives in a folder and ends with this process. A second start takes a third of a
 * second. Only one living process may have the folder; what a dead one left there is stopped first.
 * @throws EmbeddedPostgresError one sentence that says what to do
 */
export async function startEmbeddedPostgres(o: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const dataDir = resolve(o.dataDir);
  try {
    return await startIn(dataDir, o);
  } catch (error) {
    const isOfFiles = !(error instanceof EmbeddedPostgresError) && (error as { syscall?: string }).syscall;
    throw isOfFiles ? explainFailure(dataDir, [String(error)]) : error;
  }
}

async function startIn(dataDir: string, o: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const log = o.log ?? (() => {});
  const durable = o.durable ?? true;
  const binaries = await findBinaries();
  const known = await inspectFolder(dataDir, binaries.majorVersion);
  if (!known) await makeFolder(dirname(dataDir));
  const runAs = await chooseUser(dataDir, [binaries.postgres, dataDir]);
  const state = known ?? (await createFolder(dataDir, { binaries, runAs, durable, log }));
  const release = await claimFolder(dataDir);
  try {
    await stopLeftover(dataDir, log);
    const launchOn = (port: number) =>
      ServerProcess.start({
        command: binaries.postgres,
        args: ['-D', dataDir, ...settings(port, durable).flatMap((setting) => ['-c', setting])],
        runAs,
        dataDir,
        stopSignal: durable ? 'SIGINT' : 'SIGQUIT',
        log,
        onUnexpectedExit: o.onUnexpectedExit ?? ((error) => log(error.message)),
      });
    const { server, port } = await onFreePort(o.port ?? state.port, launchOn);
    const url = (user: string, database: string) =>
      `postgres://${user}:${state.password}@127.0.0.1:${port}/${database}`;
    try {
      if (!state.ready) await createOwner(url('postgres', 'postgres'), state);
      if (!state.ready || state.port !== port) await saveState(dataDir, { ...state, port, ready: true });
    } catch (error) {
      await server.stop();
      throw error;
    }
    return {
      url: url('mortise', 'mortise'),
      close: async () => {
        await server.stop();
        await release();
      },
    };
  } catch (error) {
    await release();
    throw error;
  }
}

/** The login that services and migrations use is no superuser, as on any PostgreSQL of an operator. */
async function createOwner(url: string, { password }: FolderState): Promise<void> {
  const client = await connect(url, 'mortise-setup');
  try {
    const { rows } = await client.query<{ role: boolean; database: boolean }>(
      `select exists (select from pg_roles where rolname = 'mortise') as role,
              exists (select from pg_database where datname = 'mortise') as database`,
    );
    if (!rows[0]?.role)
      await client.query(
        `create role mortise login createrole createdb password ${client.escapeLiteral(password)}`,
      );
    if (!rows[0]?.database) await client.query('create database mortise owner mortise');
  } finally {
    await client.end();
  }
}

async function onFreePort(
  wanted: number | undefined,
  launchOn: (port: number) => Promise<ServerProcess>,
): Promise<{ server: ServerProcess; port: number }> {
  let port = wanted !== undefined && (await isFree(wanted)) ? wanted : await freePort();
  for (let attempt = 1; ; attempt++) {
    try {
      return { server: await launchOn(port), port };
    } catch (error) {
      // Somebody took the port between our look and PostgreSQL's.
      if (attempt === 3 || !(error instanceof EmbeddedPostgresError) || (await isFree(port))) throw error;
      port = await freePort();
    }
  }
}

const isFree = (port: number) => listenOn(port).then((found) => found === port);

async function freePort(): Promise<number> {
  const port = await listenOn(0);
  if (port === undefined) throw new EmbeddedPostgresError('No free port on 127.0.0.1 for PostgreSQL');
  return port;
}

/** @returns the port when it could be had, 0 gives any free one */
const listenOn = (port: number): Promise<number | undefined> =>
  new Promise((done) => {
    const probe = createServer();
    probe.once('error', () => done(undefined));
    probe.listen(port, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => done(typeof address === 'object' && address ? address.port : undefined));
    });
  });
