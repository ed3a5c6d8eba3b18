import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildCase, packageCases } from '@mortise/bundle/corpus';
import { until } from '@mortise/testing';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { hangUp } from '../broken-upload.js';
import { archiveOf, fresh, newTenant, type Answer, type Client } from '../client.js';
import { unpackedEntries } from '../million-entries.js';

const { pids, dataDir = '', spoolDir = '' } = inject('platform');
const megabyte = 1_048_576;

/** How much more memory the platform's process held at its highest while `attack` ran. */
async function growthMb(attack: () => Promise<unknown>): Promise<number> {
  const status = async (field: string) => {
    const text = await readFile(`/proc/${pids.standalone}/status`, 'utf8');
    return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]) / 1_024;
  };
  const before = await status('VmRSS');
  // proc(5): 5 sets the peak back to what is held now.
  await writeFile(`/proc/${pids.standalone}/clear_refs`, '5');
  await attack();
  return (await status('VmHWM')) - before;
}

describe('hostile input of the platform in one process', () => {
  let tenant: Client;
  beforeAll(async () => {
    tenant = await newTenant();
    // The first upload loads the reader's code.
    await tenant.deploy({ main: 'export function a() {}' });
  });

  const bomb = (id: string) =>
    buildCase(packageCases.find((one) => one.id === id) as (typeof packageCases)[number], fresh('bomb'));
  const attacks: [string, () => Promise<Buffer> | Buffer][] = [
    ['an archive of 1,000,000 entries', () => unpackedEntries(1_000_000)],
    ['300 MB of zeros', () => bomb('pkg-tgz-bomb-plain')],
    ['a YAML alias bomb', () => bomb('own-yaml-bomb')],
    ['a body of 60 MB', () => Buffer.alloc(60 * megabyte)],
    [
      'a manifest of 5 MB',
      () => archiveOf({ main: '', manifest: { description: 'x'.repeat(5 * megabyte) } }),
    ],
  ];

  it.each(attacks)('keeps its memory flat under %s, three at once', async (_what, make) => {
    const archive = await make();
    const answers: number[] = [];
    const growth = await growthMb(() =>
      Promise.all([1, 2, 3].map(async () => answers.push((await tenant.upload(archive)).status))),
    );

    expect(answers.every((status) => status === 413 || status === 422)).toBe(true);
    expect(growth).toBeLessThan(100);
  });

  it('keeps its memory flat under 100 MB of log lines', async () => {
    const { id } = await tenant.deploy({
      main: 'export function flood(input, ctx) { const line = "x".repeat(10_000); for (let i = 0; i < 10_000; i++) ctx.log.info(line); return "done"; }',
      manifest: { limits: { timeoutMs: 20_000 } },
    });

    let flooded: Answer | undefined;
    const growth = await growthMb(async () => {
      flooded = await tenant.execute(id, 'flood');
      await tenant.ended(flooded.body.executionId);
    });

    expect(flooded?.body).toMatchObject({ status: 'succeeded', result: 'done' });
    expect(growth).toBeLessThan(100);
  });

  it('leaves no file of refused and broken uploads', async () => {
    const left = async () => {
      const folders = [spoolDir, join(dataDir, 'packages/staging'), join(dataDir, 'packages/drafts')];
      return (await Promise.all(folders.map((folder) => readdir(folder)))).flat();
    };
    const refused = [
      bomb('own-main-syntax'),
      bomb('pkg-zip-truncated'),
      archiveOf({ main: 'throw new Error("at load")', manifest: { functions: { a: {} } } }),
    ];
    for (const archive of refused) expect((await tenant.upload(archive)).status).toBe(422);
    await hangUp(tenant, Buffer.alloc(65_536, 1), () =>
      until(async () => (await readdir(spoolDir)).length > 0, 'the upload is on its way'),
    );

    await until(async () => (await left()).length === 0, 'every temporary file is gone');
    // By name: other files publish to the same platform at the same time.
    const digests = refused.map((archive) => createHash('sha256').update(archive).digest('hex'));
    const kept = await readdir(join(dataDir, 'packages/packages'));
    expect(kept.filter((name) => digests.includes(name))).toEqual([]);
  });
});
