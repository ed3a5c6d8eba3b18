import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { canMount, forkModule, mountTmpfs, until } from '@mortise/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../connection.js';
import { migrate } from '../migrate.js';
import { isAlive } from './leftover.js';
import { ServerProcess } from './server-process.js';
import { startEmbeddedPostgres, type EmbeddedPostgres } from './start.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'mortise-embedded-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function ask(url: string, sql: string): Promise<Record<string, unknown>> {
  const client = await connect(url, 'test');
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows[0] ?? {};
  } finally {
    await client.end();
  }
}
const postmasterOf = async (dataDir: string) =>
  Number.parseInt(await readFile(join(dataDir, 'postmaster.pid'), 'utf8'), 10);

describe('startEmbeddedPostgres', () => {
  it('keeps its data over a stop, and starts a second time without making it anew', async () => {
    const dataDir = join(root, 'kept', 'postgres');
    const first = await startEmbeddedPostgres({ dataDir });
    await ask(first.url, 'create table kept as select 42 as answer');
    await first.close();
    const begin = performance.now();
    const second = await startEmbeddedPostgres({ dataDir });
    const tookMs = performance.now() - begin;

    expect(await ask(second.url, 'select answer from kept')).toEqual({ answer: 42 });
    // 0.2 s on an idle machine; a start that runs initdb again takes over a second more.
    expect(tookMs).toBeLessThan(2_000);
    await second.close();
    expect(existsSync(join(dataDir, 'postmaster.pid'))).toBe(false);
  });

  it('removes what a first start that was killed left beside, and nothing of one that lives', async () => {
    const folder = join(root, 'half');
    const half = (pid: number) => [`postgres.new-${pid}`, `postgres.new-${pid}.password`];
    await mkdir(folder);
    for (const name of [...half(999_999_999), ...half(process.ppid)]) await writeFile(join(folder, name), '');
    const postgres = await startEmbeddedPostgres({ dataDir: join(folder, 'postgres'), durable: false });

    expect((await readdir(folder)).sort()).toEqual(['postgres', ...half(process.ppid)]);
    await postgres.close();
  });

  it('gives a login that owns its database and is no superuser', async () => {
    const postgres = await startEmbeddedPostgres({ dataDir: join(root, 'login'), durable: false });

    expect(
      await ask(
        postgres.url,
        `select rolname, rolsuper, rolcreaterole from pg_roles where rolname = current_user`,
      ),
    ).toEqual({ rolname: 'mortise', rolsuper: false, rolcreaterole: true });
    await postgres.close();
  });

  it('is migrated by a superuser as well; another login that may not use the roles is told how', async () => {
    const dataDir = join(root, 'superuser');
    const postgres = await startEmbeddedPostgres({ dataDir, durable: false });
    const { password } = JSON.parse(await readFile(join(dataDir, 'mortise.json'), 'utf8')) as {
      password: string;
    };
    const superuser = new URL(postgres.url);
    superuser.username = 'postgres';
    superuser.password = password;
    await ask(superuser.href, `create role stranger login createrole password 'p'`);
    await ask(superuser.href, 'create database other owner stranger');
    superuser.pathname = '/postgres';
    const stranger = new URL(
      postgres.url.replace(/mortise:[^@]*@/, 'stranger:p@').replace(/mortise$/, 'other'),
    );

    expect((await migrate(superuser.href, [])).applied).toContain('registry/platform/0001-outbox-inbox.sql');
    await expect(migrate(stranger.href, [])).rejects.toThrow(
      'may not use the role mortise_gateway, which another login created: run "grant mortise_gateway to',
    );
    await postgres.close();
  });

  it('takes another port when the wanted one is busy', async () => {
    const busy = createServer().listen(0, '127.0.0.1');
    await once(busy, 'listening');
    const { port } = busy.address() as AddressInfo;
    const postgres = await startEmbeddedPostgres({ dataDir: join(root, 'busy'), port, durable: false });

    expect(Number(new URL(postgres.url).port)).not.toBe(port);
    await postgres.close();
    busy.close();
  });

  it('refuses a folder that another living Mortise uses, and leaves that one alone', async () => {
    const dataDir = join(root, 'shared');
    const first = await startEmbeddedPostgres({ dataDir, durable: false });

    await expect(startEmbeddedPostgres({ dataDir })).rejects.toThrow(
      `Another Mortise (process ${process.pid}) is using ${dataDir}`,
    );
    expect(await ask(first.url, 'select 1 as one')).toEqual({ one: 1 });
    await first.close();
  });

  it.each([
    ['with other files', 'notes.txt', '', 'holds files that are not'],
    ['of another PostgreSQL', 'PG_VERSION', '18\n', "holds somebody else's PostgreSQL data"],
  ])('refuses a folder %s and changes nothing in it', async (name, file, text, message) => {
    const dataDir = join(root, name);
    await mkdir(dataDir);
    await writeFile(join(dataDir, file), text);

    await expect(startEmbeddedPostgres({ dataDir })).rejects.toThrow(message);
    expect(await readdir(dataDir)).toEqual([file]);
  });

  it('refuses the data of another major version by its number', async () => {
    const dataDir = join(root, 'old');
    await mkdir(dataDir);
    await writeFile(join(dataDir, 'PG_VERSION'), '17\n');
    await writeFile(join(dataDir, 'mortise.json'), '{}');

    await expect(startEmbeddedPostgres({ dataDir })).rejects.toThrow('made by PostgreSQL 17 and this is 18');
  });

  it('refuses a path that is a file in one sentence', async () => {
    const dataDir = join(root, 'file');
    await writeFile(dataDir, '');

    await expect(startEmbeddedPostgres({ dataDir })).rejects.toThrow(
      'cannot be used as a data folder (ENOTDIR)',
    );
  });
});

describe('a PostgreSQL that cannot come up', () => {
  it('because its program is missing is told how to get it', async () => {
    const starting = ServerProcess.start({
      command: join(root, 'no-such-postgres'),
      args: [],
      runAs: { user: undefined, prefix: [] },
      dataDir: root,
      stopSignal: 'SIGINT',
      log: () => {},
      onUnexpectedExit: () => {},
    });

    await expect(starting).rejects.toThrow(/no-such-postgres.*run "npm ci", or set DATABASE_URL/);
  });

  it.skipIf(!canMount('a database made on a full disk'))(
    'because the disk is full says so and leaves nothing half-made',
    async () => {
      const disk = join(root, 'disk');
      const unmount = mountTmpfs(disk, { sizeMb: 20 });
      const refusal = await startEmbeddedPostgres({ dataDir: join(disk, 'postgres') }).catch(String);
      const left = await readdir(disk);
      unmount();

      expect(refusal).toContain(
        `The disk that holds ${join(disk, 'postgres')} is full: free at least 200 MB`,
      );
      expect(left).toEqual([]);
    },
  );
});

describe('a Mortise that was killed with -9', () => {
  let survivor: EmbeddedPostgres | undefined;
  afterAll(() => survivor?.close());

  it('takes its PostgreSQL with it, and the next start finds the data', async () => {
    const dataDir = join(root, 'killed');
    const child = forkModule(new URL('../../test/embedded-child.ts', import.meta.url), [dataDir]);
    const [url] = (await once(child, 'message')) as [string];
    await ask(url, 'create table kept as select 42 as answer');
    const postmaster = await postmasterOf(dataDir);
    child.kill('SIGKILL');
    await once(child, 'exit');
    survivor = await startEmbeddedPostgres({ dataDir });

    expect(await ask(survivor.url, 'select answer from kept')).toEqual({ answer: 42 });
    await until(() => !isAlive(postmaster), 'the old PostgreSQL is gone');
  });

  it('leaves a PostgreSQL that lived on to the next start, which stops it by its pid', async () => {
    const dataDir = join(root, 'orphaned');
    const child = forkModule(new URL('../../test/embedded-child.ts', import.meta.url), [
      dataDir,
      'unguarded',
    ]);
    const [url] = (await once(child, 'message')) as [string];
    const postmaster = await postmasterOf(dataDir);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await ask(url, 'select 1 as one')).toEqual({ one: 1 });
    const next = await startEmbeddedPostgres({ dataDir, durable: false });

    await until(() => !isAlive(postmaster), 'the old PostgreSQL is gone');
    expect(await ask(next.url, 'select 1 as one')).toEqual({ one: 1 });
    await next.close();
  });

  it('whose pid belongs to another process by now does not hinder the next start', async () => {
    const dataDir = join(root, 'reused');
    await (await startEmbeddedPostgres({ dataDir, durable: false })).close();
    const other = spawn('sleep', ['60']);
    const lock = [other.pid, dataDir, 0, 0, '', '127.0.0.1', '', 'ready'];
    await writeFile(join(dataDir, 'postmaster.pid'), lock.join('\n'));
    const next = await startEmbeddedPostgres({ dataDir, durable: false });

    expect(isAlive(other.pid as number)).toBe(true);
    await next.close();
    other.kill();
  });
});
