import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { Database, migrate, startEmbeddedPostgres } from '@mortise/database';
import { migrations } from '@mortise/scheduler';
import { createLogger } from '@mortise/service-kit';
import { median, type Figure, type Measured } from '../figure.ts';

const replicas = 3;
const due = 100_000;
const rounds = 3;

const fillSql = `insert into schedules
  (id, tenant_id, installation_id, job, cron, timezone, function, catch_up, overlap, next_at, enabled, revision)
  select gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'hourly', '0 * * * *', 'UTC', 'run', 'once', 'skip',
    date_trunc('milliseconds', clock_timestamp()), true, 1
  from generate_series(1, $1)`;
const doublesSql = `select count(*)::int as doubles from
  (select from outbox where headers->>'ce_type' = 'schedule.fired' group by key, headers->>'ce_tenantid' having count(*) > 1) as twice`;

async function round(
  url: string,
  db: Database,
): Promise<{ perSecond: number; fires: number; doubles: number }> {
  const workers = Array.from(
    { length: replicas },
    () => new Worker(new URL('./p21-replica.ts', import.meta.url), { workerData: { url } }),
  );
  await Promise.all(workers.map((worker) => once(worker, 'message')));
  for (const table of ['outbox', 'fires', 'schedules'])
    await db.system((tx) => tx.query(`delete from ${table}`));
  await db.system((tx) => tx.query(fillSql, [due]));
  const started = performance.now();
  await Promise.all(
    workers.map((worker) => {
      const ended = once(worker, 'message');
      worker.postMessage('go');
      return ended;
    }),
  );
  const tookMs = performance.now() - started;
  await Promise.all(workers.map((worker) => worker.terminate()));
  const [{ fires } = { fires: 0 }] = await db.system((tx) =>
    tx.query<{ fires: number }[]>('select count(*)::int as fires from fires'),
  );
  const [{ doubles } = { doubles: NaN }] = await db.system((tx) =>
    tx.query<{ doubles: number }[]>(doublesSql),
  );
  return { perSecond: (fires * 1_000) / tookMs, fires, doubles };
}

export const scheduler: Figure = {
  id: 'P21',
  what: `scheduler, ${replicas} replicas, ${due} schedules due at once, into the outbox`,
  unit: 'fires/s',
  target: '>= 10,000 fires/s, 0 doubles',
  ok: ({ value }) => value >= 10_000,
  async measure(): Promise<Measured> {
    const folder = await mkdtemp(join(tmpdir(), 'mortise-bench-scheduler-'));
    const logger = createLogger({ service: 'bench', level: 'warn' });
    const postgres = await startEmbeddedPostgres({ dataDir: join(folder, 'postgres') });
    try {
      await migrate(postgres.url, [migrations], logger);
      const db = await Database.connect({
        url: postgres.url,
        service: 'scheduler',
        statementMs: 120_000,
        logger,
      });
      const seen = [];
      for (let index = 0; index < rounds; index++) seen.push(await round(postgres.url, db));
      await db.close();
      return {
        value: median(seen.map(({ perSecond }) => perSecond)),
        rounds: seen.map(({ perSecond }) => ({ value: perSecond })),
        note: `fired ${seen.map(({ fires }) => fires).join(', ')} of ${due}, doubles ${seen.map(({ doubles }) => doubles).join(', ')}`,
      };
    } finally {
      await postgres.close();
      await rm(folder, { recursive: true, force: true });
    }
  },
};
