import { Bus, busEnv } from '@mortise/bus';
import type { Principal } from '@mortise/contracts';
import { Outbox, type Database } from '@mortise/database';
import { defineEnv, loadEnv, newId } from '@mortise/service-kit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { install, logger, registryDatabase, type Installed } from '../../test/installed.js';
import { InstallationChanges } from '../installations/installation-changes.js';
import { InstallationLookup } from '../installations/installation-lookup.js';
import { PluginLookup } from '../plugins/plugin-lookup.js';
import { SecretsService } from './secrets.service.js';
import { Vault } from './vault.js';

const masterKey = '0123456789abcdef'.repeat(4);
const sentinel = 'sk_live_sentinel_value';
const manifest = { secrets: [{ key: 'API_KEY', required: true }, { key: 'OTHER' }] };

let db: Database;
let close: () => Promise<void>;
let secrets: SecretsService;
let outbox: Outbox;
let installed: Installed;
const serviceWith = (key: string) => {
  const lookup = new InstallationLookup(db, new PluginLookup(db));
  return new SecretsService(db, new Vault(key), lookup, new InstallationChanges(db, outbox));
};
beforeAll(async () => {
  ({ db, close } = await registryDatabase());
  const bus = Bus.create({
    service: 'registry',
    instanceId: 'r',
    env: loadEnv(defineEnv(busEnv), {}),
    logger,
  });
  outbox = new Outbox({ db, bus, logger });
  secrets = serviceWith(masterKey);
  installed = await install(db, { manifest });
});
afterAll(() => close());

const caller = (tenantId = installed.tenantId): Principal => ({
  tenantId,
  tenantSlug: 'acme',
  roles: ['tenant-admin'],
  subject: 'key:test',
  requestId: newId(),
});
const put = (key: string, value: string, { tenantId, installationId } = installed) =>
  secrets.put(caller(tenantId), installationId, key, value);
const values = ({ tenantId, installationId } = installed) => secrets.values(tenantId, installationId);
const refusal = (code: string) => expect.objectContaining({ code }) as Error;
/** Copies a row, as somebody with the database but without the keys could. */
const copyRow = (from: Installed, to: Installed, key = 'API_KEY') =>
  db.system((tx) =>
    tx.query(
      `insert into secrets select $1, $2, $3, version, sealed from secrets where installation_id = $4 and key = 'API_KEY'
       on conflict (tenant_id, installation_id, key) do update set sealed = excluded.sealed, version = excluded.version`,
      [to.tenantId, to.installationId, key, from.installationId],
    ),
  );

describe('secrets', () => {
  it('are declared by the manifest, set, replaced and removed, and never shown', async () => {
    const own = await install(db, { manifest });
    const list = () => secrets.list(own.tenantId, own.installationId);
    expect(await list()).toEqual([
      { key: 'API_KEY', set: false, required: true, updatedAt: null },
      { key: 'OTHER', set: false, required: false, updatedAt: null },
    ]);

    await put('API_KEY', 'first', own);
    const changed = await put('API_KEY', sentinel, own);
    expect(changed).toMatchObject({ secretsRevision: 2, revision: 3, status: 'active' });
    expect(await values(own)).toEqual({ revision: 2, values: { API_KEY: sentinel } });
    expect(JSON.stringify(await list())).not.toContain(sentinel);
    expect((await list())[0]).toMatchObject({ set: true });

    await secrets.remove(caller(own.tenantId), own.installationId, 'API_KEY');
    expect(await values(own)).toEqual({ revision: 3, values: {} });
  });

  it('are refused when the manifest does not declare them, and of installations that are not there', async () => {
    await expect(put('UNKNOWN', 'x')).rejects.toEqual(refusal('SECRET_NOT_DECLARED'));
    await expect(put('API_KEY', 'x', { ...installed, tenantId: newId() })).rejects.toEqual(
      refusal('INSTALLATION_NOT_FOUND'),
    );
    await expect(values({ ...installed, tenantId: newId() })).rejects.toEqual(
      refusal('INSTALLATION_NOT_FOUND'),
    );
  });

  it('are nowhere in the database as they are', async () => {
    await put('API_KEY', sentinel);
    const tables = ['secrets', 'tenant_keys', 'installations', 'outbox'];
    const dump = await db.system(async (tx) => {
      const rows: unknown[] = [];
      for (const table of tables) rows.push(await tx.query(`select t::text as text from ${table} t`));
      return JSON.stringify(rows);
    });

    expect(dump).toContain(installed.installationId);
    for (const form of ['utf8', 'hex', 'base64'] as const)
      expect(dump).not.toContain(Buffer.from(sentinel).toString(form).replace(/=+$/, ''));
  });

  it('do not open as another key, in another installation or for another tenant', async () => {
    await put('API_KEY', sentinel);
    const sibling = await install(db, { manifest, tenantId: installed.tenantId });
    const stranger = await install(db, { manifest });
    await put('API_KEY', 'own', stranger);
    await copyRow(installed, sibling);
    await copyRow(installed, stranger);
    await expect(values(sibling)).rejects.toThrow('unable to authenticate');
    await expect(values(stranger)).rejects.toThrow('unable to authenticate');

    await copyRow(installed, installed, 'OTHER');
    await expect(values()).rejects.toThrow('unable to authenticate');
    await secrets.remove(caller(), installed.installationId, 'OTHER');
    expect((await values()).values).toEqual({ API_KEY: sentinel });
  });

  it("do not open by another tenant's data key or another master key", async () => {
    const [mine, theirs] = [await install(db, { manifest }), await install(db, { manifest })];
    await put('API_KEY', sentinel, mine);
    await put('API_KEY', 'own', theirs);
    await expect(serviceWith('f'.repeat(64)).values(mine.tenantId, mine.installationId)).rejects.toThrow(
      'unable to authenticate',
    );

    await db.system((tx) =>
      tx.query(
        'update tenant_keys set sealed = (select sealed from tenant_keys where tenant_id = $1) where tenant_id = $2',
        [mine.tenantId, theirs.tenantId],
      ),
    );
    await expect(values(theirs)).rejects.toThrow('unable to authenticate');
  });

  it('of one tenant share a data key, also when the first ones are set at once', async () => {
    const first = await install(db, { manifest });
    const second = await install(db, { manifest, tenantId: first.tenantId });
    await Promise.all([put('API_KEY', 'a', first), put('API_KEY', 'b', second)]);

    expect((await values(first)).values).toEqual({ API_KEY: 'a' });
    expect((await values(second)).values).toEqual({ API_KEY: 'b' });
  });
});
