import { beforeAll, describe, expect, it } from 'vitest';
import { admin, newTenant, type Client } from './client.js';

describe('what operators see of executors', () => {
  const operator = admin();
  let tenant: Client;
  beforeAll(async () => {
    tenant = await newTenant();
    const { id } = await tenant.deploy({
      main: 'export const hello = () => 1',
      manifest: { functions: { hello: {} } },
    });
    expect((await tenant.execute(id, 'hello')).status).toBe(200);
  });

  it('is each one with its workers, walls and queues', async () => {
    const { status, body } = await operator.get('/executor/state');

    expect(status).toBe(200);
    // One in one process, two on the cluster; the plugin ran in one of them.
    expect([1, 2]).toContain(body.executors.length);
    const executor = body.executors.find(({ workers }: { workers: { cordon: string | null }[] }) =>
      workers.some(({ cordon }) => cordon),
    );
    expect(executor).toMatchObject({
      cordon: 'tenant',
      walls: { nodePermissions: true },
      queues: { interactive: { waiting: 0 }, background: { waiting: 0 }, workers: { waiting: 0 } },
    });
    expect(executor.workers.length).toBeLessThanOrEqual(executor.workersMax);
    expect(executor.workers.find((worker: { cordon: string | null }) => worker.cordon)).toMatchObject({
      lane: 'fast',
      warmIsolates: expect.any(Number) as number,
      draining: false,
    });
  });

  it('is not for tenants', async () => {
    const { status, body } = await tenant.get('/executor/state');

    expect([status, body.code]).toEqual([403, 'FORBIDDEN']);
  });
});
