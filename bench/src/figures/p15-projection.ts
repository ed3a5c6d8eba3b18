import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionData } from '@mortise/contracts';
import { Database, migrate, startEmbeddedPostgres } from '@mortise/database';
import { entities, migrations, projectExecutions } from '@mortise/registry';
import { createLogger, newId } from '@mortise/service-kit';
import { interleave, type Figure } from '../figure.ts';

const batch = 500;
const batches = 60;

const steps = (tenantId: string, installationId: string): ExecutionData[] =>
  Array.from({ length: batch }, () => {
    const at = new Date().toISOString();
    return {
      executionId: newId(),
      tenantId,
      installationId,
      pluginId: installationId,
      version: '1.0.0',
      function: 'run',
      trigger: 'call',
      status: 'succeeded',
      attempt: 1,
      acceptedAt: at,
      startedAt: at,
      finishedAt: at,
      result: '{"ok":true}',
      usage: { cpuMs: 1, wallMs: 2, peakHeapMb: 3, hostCalls: 0, bytesIn: 10, bytesOut: 11 },
    };
  });

const floorSql = `insert into executions (id, tenant_id, accepted_at, installation_id, plugin_id, version, function, trigger, status, attempt, rank, result)
  select u.id, $2::uuid, u.at, $3::uuid, $3::uuid, '1.0.0', 'run', 'call', 'succeeded', 1, 3, u.result
  from unnest($1::uuid[], $4::timestamptz[], $5::jsonb[]) as u (id, at, result) on conflict do nothing`;

export const projection: Figure = {
  id: 'P15',
  what: 'execution projection, batches of 500 events',
  unit: 'rows/s',
  reference: 'unnest 500 in a loop into the same table',
  target: '>= 30,000 rows/s',
  ok: ({ value }) => value >= 30_000,
  async measure() {
    const folder = await mkdtemp(join(tmpdir(), 'mortise-bench-db-'));
    const postgres = await startEmbeddedPostgres({ dataDir: join(folder, 'postgres') });
    const logger = createLogger({ service: 'bench', level: 'warn' });
    try {
      await migrate(postgres.url, [migrations], logger);
      const db = await Database.connect({ url: postgres.url, service: 'registry', entities, logger });
      const tenantId = randomUUID();
      const installationId = randomUUID();
      const prepared = () => Array.from({ length: batches }, () => steps(tenantId, installationId));
      const rate = async (work: (events: ExecutionData[]) => Promise<unknown>) => {
        const all = prepared();
        const started = performance.now();
        for (const events of all) await work(events);
        return (batch * batches * 1_000) / (performance.now() - started);
      };
      const measured = await interleave(
        5,
        () => rate((events) => projectExecutions(db, events)),
        () =>
          rate((events) =>
            db.system((tx) =>
              tx.query(floorSql, [
                events.map(({ executionId }) => executionId),
                tenantId,
                installationId,
                events.map(({ acceptedAt }) => acceptedAt),
                events.map(({ result }) => result),
              ]),
            ),
          ),
      );
      await db.close();
      return measured;
    } finally {
      await postgres.close();
      await rm(folder, { recursive: true, force: true });
    }
  },
};
