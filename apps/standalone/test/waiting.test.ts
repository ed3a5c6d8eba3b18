import { until } from '@mortise/testing';
import { describe, expect, it } from 'vitest';
import { admin, newTenant } from './client.js';

const main = 'export function flaky() { throw new Error("not today") }';

describe('an execution that is tried again later', () => {
  it('is seen by the platform as a message that waits, and is cancelled with it', async () => {
    const tenant = await newTenant();
    const operator = admin();
    const retry = { maxAttempts: 3, initialMs: 600_000, backoff: 'fixed' };
    const { id } = await tenant.deploy({ main, manifest: { functions: { flaky: { retry } } } });
    const tenants = await operator.get('/tenants?limit=200');
    const { id: tenantId } = tenants.body.data.find(({ slug }: { slug: string }) => slug === tenant.slug);
    const path = `/installations/${id}/execute`;

    const queued = await tenant.post(path, { function: 'flaky' }, { prefer: 'respond-async' });
    const waiting = await until(
      async () => (await operator.get(`/waiting?tenantId=${tenantId}`)).body.data[0],
      'its next attempt waits',
      20_000,
    );
    expect(waiting).toMatchObject({
      service: 'executor',
      why: 'delayed',
      topic: 'executions.background',
      key: id,
    });
    const refused = [await tenant.get('/waiting'), await tenant.call('DELETE', `/waiting/${waiting.id}`)];
    const cancelled = await operator.call('DELETE', `/waiting/${waiting.id}`);

    expect(refused.map(({ status, body }) => [status, body.code])).toEqual([
      [403, 'FORBIDDEN'],
      [403, 'FORBIDDEN'],
    ]);
    expect(cancelled.status).toBe(204);
    expect((await operator.get(`/waiting?tenantId=${tenantId}`)).body.data).toEqual([]);
    const ended = await tenant.ended(queued.body.executionId);
    expect(ended.body).toMatchObject({ status: 'cancelled' });
  });
});
