import { connect } from '@mortise/database';
import type { Fire, Mark, Observed, Recorded } from './observed.ts';

type Service = 'gateway' | 'registry' | 'scheduler' | 'executor';
type Ask = <T extends object>(service: Service, sql: string) => Promise<T[]>;

/** Asks the tables of each service as its own system role. */
async function asking<T>(databaseUrl: string, work: (ask: Ask) => Promise<T>): Promise<T> {
  const client = await connect(databaseUrl, 'faults');
  try {
    return await work(async <R extends object>(service: Service, sql: string) => {
      await client.query(`set role mortise_${service}_system; set search_path = ${service}`);
      return (await client.query<R>(sql)).rows;
    });
  } finally {
    await client.end().catch(() => {});
  }
}

const waitingSql = `select 'outbox' as what, topic || ' ' || coalesce(key, '') || coalesce(': ' || reason, '') as which
  from outbox where due_at is null or due_at < clock_timestamp() order by id limit 20`;

/** What still waits to be done though its time has come. */
export const waiting = (databaseUrl: string): Promise<Observed['waiting']> =>
  asking(databaseUrl, async (ask) => {
    const left: Observed['waiting'] = [];
    for (const service of ['gateway', 'registry', 'scheduler', 'executor'] as const)
      for (const { which } of await ask<{ which: string }>(service, waitingSql))
        left.push({ where: `outbox of ${service}`, what: which });
    const claims = await ask<{ id: string; owner: string }>(
      'executor',
      'select execution_id as id, owner from runs where outcome is null',
    );
    for (const { id, owner } of claims) left.push({ where: id, what: `claimed by ${owner}, no outcome` });
    const open = await ask<{ id: string; status: string; trigger: string }>(
      'registry',
      `select id, status, trigger from executions where status in ('queued', 'running')`,
    );
    for (const { id, status, trigger } of open) left.push({ where: id, what: `${trigger} is ${status}` });
    return left;
  });

/** The process that has claimed, and not ended, the most background executions. */
export const busiest = (databaseUrl: string): Promise<string | undefined> =>
  asking(databaseUrl, async (ask) => {
    const [row] = await ask<{ owner: string }>(
      'executor',
      'select owner from runs where outcome is null group by owner order by count(*) desc limit 1',
    );
    return row?.owner.split('/')[0];
  });

/** Everything that the tables know of the run. */
export const readTables = (
  databaseUrl: string,
): Promise<Pick<Observed, 'executions' | 'marks' | 'fires' | 'installations'>> =>
  asking(databaseUrl, async (ask) => {
    const executions = await ask<Recorded>(
      'registry',
      `select id, installation_id as installation, status, trigger, causation_id as causation,
         (error->>'code') || ': ' || (error->>'message') as error,
         (extract(epoch from started_at - accepted_at) * 1000)::float8 as "waitedMs",
         (extract(epoch from finished_at - started_at) * 1000)::float8 as "tookMs"
       from executions`,
    );
    const marks = await ask<Mark>(
      'executor',
      `select substr(e.key, 5) as execution, run->>'key' as key, (run->>'attempt')::int as attempt,
         (run->>'at')::float8 as at
       from storage_entries e, json_array_elements(e.value) with ordinality as m(run, n)
       where e.key like 'run/%' order by e.key, m.n`,
    );
    const fires = await ask<Fire>(
      'scheduler',
      `select f.execution_id as execution, s.installation_id as installation, s.job,
         (extract(epoch from f.due_at) * 1000)::float8 as "dueAt"
       from fires f join schedules s on s.id = f.schedule_id`,
    );
    const installations = await ask<Observed['installations'][number]>(
      'registry',
      `select id, status, revision, coalesce((config->>'counter')::int, 0) as counter from installations`,
    );
    return { executions, marks, fires, installations };
  });
