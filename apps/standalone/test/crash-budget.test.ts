import { until } from '@mortise/testing';
import { describe, expect, it } from 'vitest';
import { newTenant } from './client.js';

const hangs = `
export function hang() { return Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1); }
export function ping(input) { return input; }
`;

describe('a plugin that has worker after worker killed', () => {
  it('is suspended for it, with the reason, while its neighbours of the same tenant go on', async () => {
    const tenant = await newTenant();
    const bad = await tenant.deploy({ main: hangs, manifest: { limits: { timeoutMs: 200 } } });
    const good = await tenant.deploy({ main: 'export function ping(input) { return input }' });

    const view = () => tenant.get(`/installations/${bad.id}`).then(({ body }) => body);
    const answers = new Set<number>();
    // More than five on a busy machine: a run whose time was over before it began ends no worker.
    await until(
      async () => {
        const { status } = await tenant.execute(bad.id, 'hang');
        answers.add((await tenant.execute(good.id, 'ping', 1)).status);
        return status === 409 && (await view()).status === 'suspended';
      },
      'it is suspended',
      30_000,
    );
    expect([...answers]).toEqual([200]);
    expect((await view()).quarantineReason).toBe('5 workers had to be killed: 5 deadline');
    await until(
      async () => (await tenant.execute(bad.id, 'ping', 1)).status === 409,
      'nothing of it runs',
      10_000,
    );
    expect((await tenant.execute(good.id, 'ping', 1)).status).toBe(200);

    expect((await tenant.post(`/installations/${bad.id}/deactivate`)).status).toBe(200);
    expect((await tenant.post(`/installations/${bad.id}/activate`)).status).toBe(200);
    await until(
      async () => (await tenant.execute(bad.id, 'ping', 1)).status === 200,
      'it runs again',
      10_000,
    );
    expect((await view()).quarantineReason).toBeNull();
  });
});
