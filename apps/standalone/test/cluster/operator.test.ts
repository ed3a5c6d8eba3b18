import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Bus, busEnv } from '@mortise/bus';
import { InstallationState, PluginState, TenantState, type EventDefinition } from '@mortise/contracts';
import { createLogger, defineEnv, loadEnv } from '@mortise/service-kit';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { admin, fresh, newTenant } from '../client.js';

const { operator = {} } = inject('platform');
const main = 'export function echo(input) { return input; }';

/** Runs a command of the operator; an exit code other than 0 rejects. */
const operate = async (command: string, more: Record<string, string> = {}): Promise<string> => {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--no-node-snapshot', 'apps/standalone/dist/admin.js', ...command.split(' ')],
    { env: { PATH: process.env.PATH, ...operator, ...more } },
  );
  return stdout.trim();
};

/** What a service that starts now reads from the state topics. */
async function stateUnder(prefix: string | undefined) {
  const names = new Set(Object.keys(busEnv));
  const given = { ...operator, ...(prefix ? { MORTISE_TOPIC_PREFIX: prefix } : {}) };
  const env = loadEnv(
    defineEnv(busEnv),
    Object.fromEntries(Object.entries(given).filter(([name]) => names.has(name))),
  );
  const logger = createLogger({ service: 'operator-test', level: 'silent' });
  const bus = Bus.create({ service: 'gateway', instanceId: fresh('reader'), env, logger, requests: false });
  const tables = {
    tenants: bus.state(TenantState),
    installations: bus.state(InstallationState),
    plugins: bus.state(PluginState),
  };
  await bus.start();
  await Promise.all(Object.values(tables).map(({ caughtUp }) => caughtUp));
  const rows = <T extends object>(definition: EventDefinition<T>, values: Iterable<T>) =>
    new Map([...values].map((row) => [definition.key(row), { ...row }]));
  const state = {
    tenants: rows(TenantState, tables.tenants.values()),
    installations: rows(InstallationState, tables.installations.values()),
    plugins: rows(PluginState, tables.plugins.values()),
  };
  await bus.close();
  return state;
}

describe('the commands of an operator', () => {
  let active: string;
  let gone: string;
  let ordinary: string;
  let quarantined: string;
  beforeAll(async () => {
    const tenant = await newTenant();
    ({ id: active, pluginId: ordinary } = await tenant.deploy({ main }));
    const bad = await tenant.deploy({ main });
    quarantined = bad.pluginId;
    const stopped = await admin().post('/quarantine', { versionId: bad.versionId, reason: 'said the test' });
    expect(stopped.status).toBe(201);
    ({ id: gone } = await tenant.deploy({ main }));
    expect((await tenant.call('DELETE', `/installations/${gone}?keepData=false`)).status).toBeLessThan(300);
  });

  it('change nothing when migrations and topics are there', async () => {
    expect(await operate('migrate up')).toBe('nothing to apply');
    expect(await operate('topics create')).toBe('topics are there');
    expect(await operate('topics create')).toBe('topics are there');
  });

  it('refill an empty Kafka from the database alone, as often as they are run', async () => {
    const prefix = `${fresh('restored')}.`;
    await operate('topics create', { MORTISE_TOPIC_PREFIX: prefix });
    const empty = await stateUnder(prefix);

    await operate('topics seed', { MORTISE_TOPIC_PREFIX: prefix });
    const restored = await stateUnder(prefix);
    await operate('topics seed', { MORTISE_TOPIC_PREFIX: prefix });
    const again = await stateUnder(prefix);
    const original = await stateUnder(undefined);

    expect([...empty.tenants, ...empty.installations, ...empty.plugins]).toEqual([]);
    expect(restored.installations.get(active)).toMatchObject({ status: 'active' });
    expect(restored.installations.get(active)).toEqual(original.installations.get(active));
    expect(restored.plugins.get(quarantined)).toMatchObject({
      quarantined: [{ digest: expect.any(String), reason: 'said the test' }],
    });
    expect(restored.plugins.get(quarantined)).toEqual(original.plugins.get(quarantined));
    // A plugin that was never quarantined has no state to tell.
    expect([restored, original].map(({ plugins }) => plugins.has(ordinary))).toEqual([false, false]);
    const { tenantId = '' } = restored.installations.get(active) ?? {};
    expect(restored.tenants.get(tenantId)).toEqual(original.tenants.get(tenantId));
    expect(restored.tenants.get(tenantId)).toBeDefined();
    // What was uninstalled is told to those that listen, and to nobody that starts later.
    expect(original.installations.get(gone)).toMatchObject({ status: 'uninstalled' });
    expect(restored.installations.has(gone)).toBe(false);
    // Other files go on making tenants meanwhile: nothing that was there may be missing.
    for (const kind of ['tenants', 'installations', 'plugins'] as const)
      expect([...again[kind].keys()]).toEqual(
        expect.arrayContaining([...restored[kind].keys()].filter((key) => original[kind].has(key))),
      );
  });
});
