// The throw-away PostgreSQL of a test run and its databases, asked for over HTTP by libs/testing. It ends when the
// process that forked it does.
import { randomUUID, createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { ServiceName } from '@mortise/contracts';
import { connect, databaseOf, sqlState } from '../src/connection.js';
import { isAlive } from '../src/embedded/leftover.js';
import { startEmbeddedPostgres } from '../src/embedded/start.js';
import { migrate } from '../src/migrate.js';
import type { MigrationSet } from '../src/migration-files.js';

interface Wish {
  /** Left out: an empty database. */
  sets?: { service: ServiceName; directory: string }[];
}

await sweep();
const folder = await mkdtemp(join(tmpdir(), `mortise-test-${process.pid}-`));
const postgres = await startEmbeddedPostgres({ dataDir: join(folder, 'postgres'), durable: false });
const admin = await connect(postgres.url, 'mortise-test');
const templates = new Map<string, Promise<string>>();

const freshName = (kind: string) => `${kind}_${randomUUID().replaceAll('-', '')}`;

async function create({ sets }: Wish): Promise<string> {
  const name = freshName('test');
  const template =
    sets && (await templateOf(sets.map((set) => ({ ...set, directory: new URL(set.directory) }))));
  await admin.query(`create database ${name}${template === undefined ? '' : ` template ${template}`}`);
  return databaseOf(postgres.url, name);
}

async function templateOf(sets: MigrationSet[]): Promise<string> {
  const hash = createHash('sha256');
  for (const { service, directory } of sets) {
    const base = directory.href.replace(/\/?$/, '/');
    for (const file of (await readdir(directory)).sort())
      hash.update(`${service}/${file}\n`).update(await readFile(new URL(file, base)));
  }
  const key = hash.digest('hex');
  const made = templates.get(key) ?? makeTemplate(sets);
  templates.set(key, made);
  // A failed one is made anew by the next test that asks.
  made.catch(() => templates.delete(key));
  return made;
}

async function makeTemplate(sets: MigrationSet[]): Promise<string> {
  const name = freshName('template');
  await admin.query(`create database ${name}`);
  await migrate(databaseOf(postgres.url, name), sets);
  return name;
}

/** Removes what a killed run has left. */
async function sweep(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const [, pid] = /^mortise-test-(\d+)-/.exec(name) ?? [];
    if (pid !== undefined && !isAlive(Number(pid)))
      await rm(join(tmpdir(), name), { recursive: true, force: true });
  }
}

async function answer(method: string | undefined, path: string, body: string): Promise<string> {
  if (method === 'GET') return postgres.url;
  if (method === 'POST') return create(JSON.parse(body) as Wish);
  const [name = ''] = /test_[0-9a-f]{32}/.exec(path) ?? [];
  await drop(name);
  return name;
}

/** Autovacuum's processes are a superuser's, and ours may not end them: while one is inside, it is tried again. */
async function drop(name: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await admin.query(`drop database if exists ${admin.escapeIdentifier(name)} with (force)`);
      return;
    } catch (error) {
      if (sqlState(error) !== '42501' || tries === 100) throw error;
      await new Promise((next) => setTimeout(next, 50));
    }
  }
}

const server = createServer((request, response) => {
  text(request)
    .then((body) => answer(request.method, request.url ?? '', body))
    .then(
      (result) => response.end(result),
      (error: unknown) => response.writeHead(500).end(error instanceof Error ? error.message : String(error)),
    );
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

process.once('disconnect', () => {
  void (async () => {
    server.close();
    server.closeAllConnections();
    await admin.end();
    await postgres.close();
    await rm(folder, { recursive: true, force: true });
    process.exit(0);
  })();
});
process.send?.(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
