import { randomUUID } from 'node:crypto';
import type { ExecutionData } from '@mortise/contracts';
import { entities, migrations, projectExecutions } from '@mortise/registry';
import { newId } from '@mortise/service-kit';
import { withDatabase } from '../database.ts';
import { interleave, type Figure } from '../figure.ts';
import { costOf, shownCost, type Cost } from '../load.ts';

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
  measure: () =>
    withDatabase(
      migrations,
      async (db) => {
        const [tenantId, installationId] = [randomUUID(), randomUUID()];
        const costs: Cost[] = [];
        const rate = async (work: (events: ExecutionData[]) => Promise<unknown>) => {
          const all = Array.from({ length: batches }, () => steps(tenantId, installationId));
          const cost = await costOf(batch * batches, async () => {
            for (const events of all) await work(events);
          });
          costs.push(cost);
          return (batch * batches * 1_000) / cost.tookMs;
        };
        const bare = (events: ExecutionData[]) =>
          db.system((tx) =>
            tx.query(floorSql, [
              events.map(({ executionId }) => executionId),
              tenantId,
              installationId,
              events.map(({ acceptedAt }) => acceptedAt),
              events.map(({ result }) => result),
            ]),
          );
        const measured = await interleave(
          5,
          () => rate((events) => projectExecutions(db, events)),
          () => rate(bare),
        );
        const [ours, floor] = costs.slice(-2) as [Cost, Cost];
        return {
          ...measured,
          note: `${shownCost(ours, 'a row')}; the bare insert ${shownCost(floor, 'a row')}`,
        };
      },
      { entities },
    ),
};
