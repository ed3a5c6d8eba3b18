import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Database } from '@mortise/database';
import { migrations } from '@mortise/scheduler';
import { withDatabase } from '../database.ts';
import { median, type Figure } from '../figure.ts';

const replicas = 3;
const due = 100_000;
const rounds = 3;
const perSecond = 1_000;
const seconds = 6;

/** One row for each of a number of schedules; the nth is due n times `$2` milliseconds from `$3` milliseconds on. */
const fillSql = `insert into schedules
  (id, tenant_id, installation_id, job, cron, timezone, function, catch_up, overlap, next_at, enabled, revision)
  select gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'hourly', '0 * * * *', 'UTC', 'run', 'once', 'skip',
    date_trunc('milliseconds', clock_timestamp()) + ($3 + n * $2::float8) * interval '1 ms', true, 1
  from generate_series(1, $1) n`;
const doublesSql = `select count(*)::int as doubles from
  (select from outbox where headers->>'ce_type' = 'schedule.fired' group by key, headers->>'ce_tenantid' having count(*) > 1) as twice`;
const firesSql = `select count(*)::int as fires,
  coalesce(percentile_cont(0.99) within group (order by extract(epoch from fired_at - due_at) * 1000), 'NaN')::float8 as "p99Ms"
  from fires`;

interface Fired {
  tookMs: number;
  fires: number;
  p99Ms: number;
  doubles: number;
}

/** Schedules in the table and replicas that fire them: `drain` until nothing is due, or `follow` for some time. */
async function fire(
  url: string,
  db: Database,
  how: { schedules: number; everyMs: number; fromMs: number; forMs?: number },
): Promise<Fired> {
  const workers = Array.from(
    { length: replicas },
    () => new Worker(new URL('./p21-replica.ts', import.meta.url), { workerData: { url } }),
  );
  await Promise.all(workers.map((worker) => once(worker, 'message')));
  for (const table of ['outbox', 'fires', 'schedules'])
    await db.system((tx) => tx.query(`delete from ${table}`));
  await db.system((tx) => tx.query(fillSql, [how.schedules, how.everyMs, how.fromMs]));
  const started = performance.now();
  await Promise.all(
    workers.map((worker) => {
      const ended = once(worker, 'message');
      worker.postMessage({ forMs: how.forMs });
      return ended;
    }),
  );
  const tookMs = performance.now() - started;
  await Promise.all(workers.map((worker) => worker.terminate()));
  const [fires] = await db.system((tx) => tx.query<{ fires: number; p99Ms: number }[]>(firesSql));
  const [twice] = await db.system((tx) => tx.query<{ doubles: number }[]>(doublesSql));
  return { tookMs, fires: 0, p99Ms: NaN, doubles: NaN, ...fires, ...twice };
}

async function repeated(how: Parameters<typeof fire>[2]): Promise<Fired[]> {
  return withDatabase(
    migrations,
    async (db, url) => {
      const seen = [];
      for (let index = 0; index < rounds; index++) seen.push(await fire(url, db, how));
      return seen;
    },
    { statementMs: 120_000 },
  );
}

const counted = (seen: Fired[], of: number): string =>
  `fired ${seen.map(({ fires }) => fires).join(', ')} of ${of}, doubles ${seen.map(({ doubles }) => doubles).join(', ')}`;

export const scheduler: Figure = {
  id: 'P21',
  what: `scheduler, ${replicas} replicas, ${due} schedules due at once, into the outbox`,
  unit: 'fires/s',
  target: '>= 10,000 fires/s, 0 doubles',
  ok: ({ value }) => value >= 10_000,
  async measure() {
    const seen = await repeated({ schedules: due, everyMs: 0, fromMs: 0 });
    const rates = seen.map(({ fires, tookMs }) => (fires * 1_000) / tookMs);
    return { value: median(rates), rounds: rates.map((value) => ({ value })), note: counted(seen, due) };
  },
};

export const schedulerLag: Figure = {
  id: 'P21',
  what: `scheduler, ${replicas} replicas, ${perSecond} schedules due a second: from due to fired, p99`,
  unit: 'ms',
  target: '<= 1,000 ms, 0 doubles',
  ok: ({ value }) => value <= 1_000,
  async measure() {
    const schedules = perSecond * seconds;
    const seen = await repeated({
      schedules,
      everyMs: 1_000 / perSecond,
      fromMs: 500,
      forMs: seconds * 1_000 + 2_500,
    });
    const lags = seen.map(({ p99Ms }) => p99Ms);
    return { value: median(lags), rounds: lags.map((value) => ({ value })), note: counted(seen, schedules) };
  },
};
