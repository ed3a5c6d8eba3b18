import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildPackage, canMount, mountTmpfs, until } from '@mortise/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { archiveOf, Client, fresh } from '../client.js';
import { startPlatform, type RunningPlatform } from './platform.js';

const megabyte = 1_048_576;

/** A package that no disk holds in less room. */
const packageOf = (sizeMb: number) =>
  buildPackage({
    manifest: {
      manifestVersion: 1,
      slug: fresh(),
      name: 'Large',
      version: '1.0.0',
      main: 'main.js',
      functions: { a: {} },
    },
    files: { 'main.js': 'export function a() {}', 'noise.dat': randomBytes(sizeMb * megabyte) },
  });

describe.skipIf(!canMount('uploads to a full disk'))('an upload to a full disk', () => {
  let base: string;
  let platform: RunningPlatform;
  let client: Client;
  const unmount: (() => void)[] = [];
  beforeAll(async () => {
    base = await mkdtemp(join(tmpdir(), 'mortise-full-'));
    await mkdir(join(base, 'd'));
    await writeFile(join(base, 'd/mortise.json'), '{"format":1}\n');
    unmount.push(
      mountTmpfs(join(base, 'd/packages'), { sizeMb: 3 }),
      mountTmpfs(join(base, 'spool'), { sizeMb: 6 }),
    );
    platform = await startPlatform(join(base, 'd'), { REGISTRY_SPOOL_DIR: join(base, 'spool') });
    client = new Client(platform.adminKey, platform.url);
  });
  afterAll(async () => {
    await platform.stop();
    unmount.forEach((one) => one());
    await rm(base, { recursive: true, force: true });
  });

  /** Every file of packages, whole or not. */
  const left = async () => {
    const folders = ['spool', 'd/packages/drafts', 'd/packages/staging', 'd/packages/packages'];
    return (await Promise.all(folders.map((folder) => readdir(join(base, folder))))).flat();
  };

  it.each([
    ['while it is received', 8],
    ['while it is staged', 4],
    ['at the last step, with its rows written', 2],
  ])('%s says so and leaves neither file nor row', async (_when, sizeMb) => {
    const answer = await client.upload(packageOf(sizeMb));

    expect([answer.status, answer.body.code], JSON.stringify(answer.body)).toEqual([507, 'NO_SPACE']);
    await until(async () => (await left()).length === 0, 'no file of it is left');
    expect((await client.get('/plugins')).body.data).toEqual([]);
  });

  it('does not hinder a smaller one', async () => {
    expect((await client.upload(archiveOf({ main: 'export function a() {}' }))).status).toBe(201);
  });
});
