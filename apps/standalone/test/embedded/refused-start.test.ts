import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { canMount, mountTmpfs } from '@mortise/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { freePort, spawnPlatform, startPlatform } from './platform.js';

const mayMount = canMount('full and read-only disks at the start');

let base: string;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'mortise-start-'));
});
afterEach(() => rm(base, { recursive: true, force: true }));

/** Starts what cannot start; gives its only sentence. */
async function refused(dataDir: string, env: Record<string, string> = {}, port?: number): Promise<string> {
  const { output, exited } = spawnPlatform(dataDir, port ?? (await freePort()), env);
  const [code] = await exited;
  expect(code, output()).toBe(1);
  expect(output().trim().split('\n'), output()).toHaveLength(1);
  return output().trim();
}

async function busyPort(): Promise<{ port: number; close: () => void }> {
  const taken = createServer();
  const port = await new Promise<number>((found) =>
    taken.listen(0, '127.0.0.1', () => found((taken.address() as { port: number }).port)),
  );
  return { port, close: () => taken.close() };
}

describe('make start says in one sentence that it cannot, and ends with 1', () => {
  it('when its port is in use, or the one of its metrics', async () => {
    const { port, close } = await busyPort();
    const api = await refused(join(base, 'd'), {}, port);
    const metrics = await refused(join(base, 'd'), { METRICS_PORT: String(port) });
    close();

    expect(api).toBe(
      `Port ${port} is in use: stop what listens there, or choose another with PORT=${port + 1} make start`,
    );
    expect(metrics).toContain('choose another for /metrics with METRICS_PORT, or 0 for none');
    expect(await readdir(join(base, 'd'))).not.toContain('postgres');
  });

  it('when a setting is wrong, and never shows a secret', async () => {
    const [level, database, spool] = await Promise.all([
      refused(join(base, 'd'), { LOG_LEVEL: 'loud' }),
      refused(join(base, 'e'), { DATABASE_URL: 'postgres://mortise:hunter2@127.0.0.1:1/none' }),
      refused(join(base, 'f'), { REGISTRY_SPOOL_DIR: '/dev/null/spool' }),
    ]);

    expect(level).toContain('LOG_LEVEL is not one of');
    expect(database).toContain('PostgreSQL at 127.0.0.1:1/');
    expect(database).not.toContain('hunter2');
    expect(spool).toBe(
      'Uploads cannot be spooled to /dev/null/spool (a file is in its place): name a writable folder in REGISTRY_SPOOL_DIR',
    );
  });

  it("when its folder is somebody else's, and changes nothing there", async () => {
    await writeFile(join(base, 'thesis.txt'), 'mine');

    expect(await refused(base)).toContain('is not a Mortise data folder');
    expect(await readdir(base)).toEqual(['thesis.txt']);
    expect(await readFile(join(base, 'thesis.txt'), 'utf8')).toBe('mine');
  });

  it.each([
    ['a file', '/dev/null', 'a file is in its place'],
    ['below a file system that makes no folders', '/proc/data', 'nothing can be made at this path'],
  ])('when its folder is %s', async (_what, folder, trouble) => {
    expect(await refused(folder)).toBe(
      `The data folder ${folder} cannot be used (${trouble}): name a writable one in MORTISE_DATA_DIR`,
    );
  });

  it.skipIf(!mayMount)(
    'when the disk is read-only or nearly full, and leaves the disk as it was',
    async () => {
      const unmount = [
        mountTmpfs(join(base, 'ro'), { sizeMb: 300, readOnly: true }),
        mountTmpfs(join(base, 'small'), { sizeMb: 20 }),
      ];
      const [full, ...sentences] = await Promise.all(
        ['small', 'ro', 'ro/new'].map((path) => refused(join(base, path))),
      );
      const left = await readdir(join(base, 'small'));
      unmount.forEach((one) => one());

      for (const sentence of sentences)
        expect(sentence).toContain('cannot be used (the file system is read-only)');
      expect(full).toContain('has less than 256 MB left: free some space');
      expect(left).toEqual([]);
    },
  );
});

describe('PostgreSQL that cannot come up', () => {
  let made: string;
  beforeAll(async () => {
    made = await mkdtemp(join(tmpdir(), 'mortise-made-'));
    await (await startPlatform(join(made, 'd'))).stop();
  });
  afterAll(() => rm(made, { recursive: true, force: true }));

  it.each([
    ['lost its control file', (folder: string) => rm(join(folder, 'global/pg_control')), 'pg_control'],
    ['lost its journal', (folder: string) => rm(join(folder, 'pg_wal'), { recursive: true }), 'pg_wal'],
    [
      'has settings that nobody can read',
      (folder: string) => writeFile(join(folder, 'postgresql.conf'), 'nonsense = = ='),
      'contains errors',
    ],
    [
      'lost its password',
      (folder: string) => truncate(join(folder, 'mortise.json')),
      'which holds the password of the database, is broken',
    ],
  ])('because its folder %s is named, with the reason', async (_what, harm, reason) => {
    // Keeps the owner: PostgreSQL runs as another user when this is root.
    execFileSync('cp', ['-a', join(made, 'd'), join(base, 'd')]);
    await harm(join(base, 'd/postgres'));

    const sentence = await refused(join(base, 'd'));

    expect(sentence).toContain(join(base, 'd/postgres'));
    expect(sentence).toContain(reason);
  });

  it('and one that ends later ends the platform, with a sentence', async () => {
    const platform = await startPlatform(join(base, 'd'));
    const [postmaster] = (await readFile(join(base, 'd/postgres/postmaster.pid'), 'utf8')).split('\n');
    const greeting = platform.output();
    process.kill(Number(postmaster), 'SIGKILL');

    expect(await platform.exited).toBe(1);
    expect(platform.output().slice(greeting.length).trim()).toMatch(/^PostgreSQL ended in .*: start again$/);
  });
});
