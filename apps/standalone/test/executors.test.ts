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
    expect(body.executors).toHaveLength(1);
    const [executor] = body.executors;
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
