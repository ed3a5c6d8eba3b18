import { Module } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Bus, busEnv } from '@mortise/bus';
import type { Principal } from '@mortise/contracts';
import { Database, Outbox } from '@mortise/database';
import {
  buildHttpApp,
  defineEnv,
  Health,
  lifecycleHeader,
  loadEnv,
  newId,
  principalHeader,
  signPrincipal,
} from '@mortise/service-kit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { install, logger, registryDatabase, type Installed } from '../../test/installed.js';
import { InstallationChanges } from '../installations/installation-changes.js';
import { InstallationLookup } from '../installations/installation-lookup.js';
import { PluginLookup } from '../plugins/plugin-lookup.js';
import { SecretsController } from './secrets.controller.js';
import { SecretsService } from './secrets.service.js';
import { Vault } from './vault.js';

const internalKey = 'internal-key-of-this-test-0123456789';
let closeDatabase: () => Promise<void>;
let app: NestFastifyApplication;
let url: string;
let installed: Installed;

@Module({})
class SecretsModule {}

beforeAll(async () => {
  const { db, close } = await registryDatabase();
  closeDatabase = close;
  const bus = Bus.create({
    service: 'registry',
    instanceId: 'r',
    env: loadEnv(defineEnv(busEnv), {}),
    logger,
  });
  const module = {
    module: SecretsModule,
    controllers: [SecretsController],
    providers: [
      SecretsService,
      InstallationChanges,
      InstallationLookup,
      PluginLookup,
      { provide: Database, useValue: db },
      { provide: Outbox, useValue: new Outbox({ db, bus, logger }) },
      { provide: Vault, useValue: new Vault('ab'.repeat(32)) },
    ],
  };
  app = await buildHttpApp(module, { service: 'registry', logger, health: new Health(), internalKey });
  await app.listen(0, '127.0.0.1');
  url = await app.getUrl();
  installed = await install(db, { manifest: { secrets: [{ key: 'API_KEY' }] } });
});
afterAll(async () => {
  await app.close();
  await closeDatabase();
});

const as = (who: Partial<Principal> = {}) => ({
  [principalHeader]: signPrincipal(internalKey, {
    tenantId: installed.tenantId,
    tenantSlug: 'acme',
    roles: ['tenant-admin'],
    subject: 'key:test',
    requestId: newId(),
    ...who,
  }),
  'content-type': 'application/json',
});
const executor = () => as({ subject: 'service:executor', roles: [] });
const secret = () => `${url}/api/v1/installations/${installed.installationId}/secrets`;
const internal = (tenantId = installed.tenantId) =>
  `${url}/internal/installations/${installed.installationId}/secrets?tenantId=${tenantId}`;

describe('the secret routes', () => {
  it('set and remove a secret, and say which state the gateway must have', async () => {
    const put = await fetch(`${secret()}/API_KEY`, {
      method: 'PUT',
      headers: as(),
      body: '{"value":"hush"}',
    });
    const list = (await (await fetch(secret(), { headers: as() })).json()) as object;
    const values = (await (await fetch(internal(), { headers: executor() })).json()) as object;
    const removed = await fetch(`${secret()}/API_KEY`, {
      method: 'DELETE',
      headers: { [principalHeader]: as()[principalHeader] },
    });

    expect([put.status, removed.status]).toEqual([204, 204]);
    expect([put, removed].map(({ headers }) => headers.get(lifecycleHeader))).toEqual([
      `${installed.installationId};revision=2`,
      `${installed.installationId};revision=3`,
    ]);
    expect(list).toMatchObject({ data: [{ key: 'API_KEY', set: true }] });
    expect(values).toEqual({ revision: 1, values: { API_KEY: 'hush' } });
  });

  it('give values to executors only, and only of the tenant they run for', async () => {
    const status = async (address: string, headers: Record<string, string>) =>
      (await fetch(address, { headers })).status;

    expect(await status(internal(), {})).toBe(401);
    expect(await status(internal(), as())).toBe(403);
    expect(await status(internal(), as({ subject: 'service:executor', tenantId: newId() }))).toBe(403);
    expect(await status(internal('nonsense'), executor())).toBe(400);
    expect(await status(internal(), executor())).toBe(200);
  });
});
