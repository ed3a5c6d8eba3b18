import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from '@mortise/testing';
import { expect, inject, it } from 'vitest';
import { admin, archiveOf, newTenant } from '../client.js';

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

it('does not run a package that was altered in the store, and stops it everywhere until it is released', async () => {
  const tenant = await newTenant();
  const good = archiveOf({ main: 'export function a() { return "good" }' });
  const evil = archiveOf({ main: 'export function a() { return "evil" }' });
  const { plugin, version } = (await tenant.upload(good)).body;
  const installed = await tenant.post('/installations', { plugin: plugin.id });
  const stored = join(inject('platform').dataDir ?? '', 'packages/packages', sha256(good));
  expect(await readFile(stored)).toEqual(good);
  await writeFile(stored, evil);
  await tenant.post(`/installations/${installed.body.id}/activate`);

  const answer = await tenant.execute(installed.body.id, 'a');

  expect([answer.status, answer.body.code]).toEqual([502, 'INTEGRITY']);
  expect(answer.body.detail).toContain(`has the sha256 ${sha256(evil)} instead of ${sha256(good)}`);
  const record = await tenant.ended(answer.body.executionId);
  expect([record.body.status, record.body.error.code]).toEqual(['denied', 'INTEGRITY']);

  await until(
    async () => (await tenant.execute(installed.body.id, 'a')).body.code === 'QUARANTINED',
    'nothing of it is dispatched any more',
  );
  const quarantines = (await admin().get('/quarantine?limit=100')).body.data as {
    id: string;
    versionId: string;
  }[];
  const quarantine = quarantines.find(({ versionId }) => versionId === version.id);
  expect(quarantine).toMatchObject({
    createdBy: 'platform:integrity',
    reason: `The package store has ${sha256(evil)} in the place of ${sha256(good)}`,
  });

  await writeFile(stored, good);
  expect((await admin().post(`/quarantine/${quarantine?.id}/release`)).status).toBe(200);
  await until(
    async () => (await tenant.execute(installed.body.id, 'a')).body.result === 'good',
    'it runs again',
  );
});
