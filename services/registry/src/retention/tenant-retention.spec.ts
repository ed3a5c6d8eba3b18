import type { ExecutionData, TenantStateData } from '@mortise/contracts';
import type { Database } from '@mortise/database';
import { derivedId, newId } from '@mortise/service-kit';
import { FakeClock } from '@mortise/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { install, logger, registryDatabase, type Installed } from '../../test/installed.js';
import { projectExecutions } from '../projections/executions-projection.js';
import { projectLogs } from '../projections/logs-projection.js';
import { TenantRetention } from './tenant-retention.js';

const dayMs = 86_400_000;

describe('the retention of tenants', () => {
  let db: Database;
  let close: () => Promise<void>;
  const clock = new FakeClock(Date.now());
  const tenants: TenantStateData[] = [];
  let retention: TenantRetention;
  let tenant: Installed;
  let other: Installed;

  beforeAll(async () => {
    ({ db, close } = await registryDatabase());
    retention = new TenantRetention({
      db,
      tenants: { caughtUp: Promise.resolve(), values: () => tenants },
      executionsKeepDays: 90,
      logsKeepDays: 30,
      clock,
      logger,
    });
  });
  afterAll(() => close());
  beforeEach(async () => {
    tenants.length = 0;
    tenant = await install(db);
    other = await install(db);
  });

  const wants = ({ tenantId }: Installed, retentionDays?: number) =>
    tenants.push({
      ...{ tenantId, slug: 'acme', name: 'Acme', suspended: false, revision: 1 },
      ...(retentionDays !== undefined && { retentionDays }),
    });

  /** An execution and its line, that many days ago. */
  async function ran(
    by: Installed,
    daysAgo: number,
    o: { isOver?: boolean; count?: number } = {},
  ): Promise<void> {
    const { isOver = true, count = 1 } = o;
    const at = clock.now() - daysAgo * dayMs;
    const iso = new Date(at).toISOString();
    const { tenantId, installationId, pluginId } = by;
    const steps = Array.from({ length: count }, (): ExecutionData => ({
      ...{ executionId: derivedId(at, newId()), tenantId, installationId, pluginId, version: '1.0.0' },
      ...{ function: 'greet', trigger: 'call' as const, attempt: 1, acceptedAt: iso },
      ...(isOver ? { status: 'succeeded', finishedAt: iso } : { status: 'running' }),
    }));
    await projectExecutions(db, steps);
    await projectLogs(
      db,
      steps.map(({ executionId }) => ({
        ...{ executionId, tenantId, installationId },
        lines: [{ at: iso, sequence: 1, level: 'info', message: `${daysAgo}` }],
      })),
    );
  }

  const ages = async (table: 'executions' | 'logs', { tenantId }: Installed): Promise<number[]> => {
    const time = table === 'executions' ? 'accepted_at' : 'at';
    const rows = await db.tx(tenantId, (tx) =>
      tx.query<{ at: Date }[]>(`select ${time} as at from ${table} where tenant_id = $1 order by 1 desc`, [
        tenantId,
      ]),
    );
    return rows.map(({ at }) => Math.round((clock.now() - at.getTime()) / dayMs));
  };

  it('deletes what is older than a tenant wants, and nothing of others', async () => {
    wants(tenant, 7);
    wants(other);
    for (const by of [tenant, other]) for (const daysAgo of [1, 6, 8, 20]) await ran(by, daysAgo);

    await retention.sweep();

    expect([await ages('executions', tenant), await ages('logs', tenant)]).toEqual([
      [1, 6],
      [1, 6],
    ]);
    expect([await ages('executions', other), await ages('logs', other)]).toEqual([
      [1, 6, 8, 20],
      [1, 6, 8, 20],
    ]);
  });

  it('leaves to the partitions what the platform itself keeps no longer', async () => {
    wants(tenant, 40);
    await ran(tenant, 50);
    await ran(tenant, 35);

    await retention.sweep();

    expect(await ages('executions', tenant)).toEqual([35]);
    // The platform drops lines after 30 days, by whole partitions.
    expect(await ages('logs', tenant)).toEqual([35, 50]);
  });

  it('keeps a run that has not ended, however old it is', async () => {
    wants(tenant, 1);
    await ran(tenant, 3, { isOver: false });

    await retention.sweep();

    expect(await ages('executions', tenant)).toEqual([3]);
  });

  it('deletes more than a batch holds, also while another replica does the same', async () => {
    wants(tenant, 1);
    await ran(tenant, 2, { count: 4_500 });
    await ran(tenant, 0);

    await Promise.all([retention.sweep(), retention.sweep()]);
    await retention.sweep();

    expect([await ages('executions', tenant), await ages('logs', tenant)]).toEqual([[0], [0]]);
  });
});
