import type { ExecuteCommand, ExecutionData } from '@mortise/contracts';
import type { Database } from '@mortise/database';
import { storable, storableJson, storableText } from './json-text.js';
import { latestSteps, stepRank } from './step.js';

const column = <T, R>(rows: readonly T[], read: (row: T) => R | undefined): (R | null)[] =>
  rows.map((row) => read(row) ?? null);
/** Names that senders of events choose may hold what PostgreSQL does not take. */
const text = (value: string | undefined): string | undefined =>
  value === undefined ? undefined : storableText(value);
const json = (value: unknown): string | undefined =>
  value === undefined ? undefined : JSON.stringify(storable(value));

const isLater = `(e.attempt, e.rank) < (excluded.attempt, excluded.rank)`;
const ifLater = (...columns: string[]) =>
  columns.map((name) => `${name} = case when ${isLater} then excluded.${name} else e.${name} end`).join(', ');

// A row only moves forward: to a higher attempt, or within one to a higher rank. What a later step leaves out stays as
// an earlier one said, whichever of them came first: the rows must not depend on how the topic was cut into batches.
const upsertSteps = `
  insert into executions as e (id, tenant_id, accepted_at, installation_id, plugin_id, version, function, trigger,
    trigger_name, status, attempt, rank, started_at, finished_at, result, error, usage, causation_id, next_attempt_at)
  select * from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::uuid[], $5::uuid[], $6::text[], $7::text[],
    $8::text[], $9::text[], $10::text[], $11::integer[], $12::integer[], $13::timestamptz[], $14::timestamptz[],
    $15::jsonb[], $16::jsonb[], $17::jsonb[], $18::text[], $19::timestamptz[])
  on conflict (id, accepted_at) do update set
    ${ifLater('plugin_id', 'version', 'function', 'status', 'attempt', 'rank', 'finished_at', 'result', 'error', 'usage')},
    started_at = case
      when e.attempt < excluded.attempt then excluded.started_at
      when e.rank < excluded.rank then coalesce(excluded.started_at, e.started_at)
      else coalesce(e.started_at, excluded.started_at) end,
    trigger_name = coalesce(e.trigger_name, excluded.trigger_name),
    causation_id = coalesce(e.causation_id, excluded.causation_id)
  where e.tenant_id = excluded.tenant_id and (${isLater}
    or e.attempt = excluded.attempt and e.started_at is null and excluded.started_at is not null
    or e.trigger_name is null and excluded.trigger_name is not null
    or e.causation_id is null and excluded.causation_id is not null)`;

/** Brings the records of executions up to date: any order, any number of times, one statement. */
export async function projectExecutions(db: Database, events: readonly ExecutionData[]): Promise<void> {
  const steps = latestSteps(events);
  if (steps.length === 0) return;
  const values = [
    column(steps, ({ executionId }) => executionId),
    column(steps, ({ tenantId }) => tenantId),
    column(steps, ({ acceptedAt }) => acceptedAt),
    column(steps, ({ installationId }) => installationId),
    column(steps, ({ pluginId }) => pluginId),
    column(steps, ({ version }) => version),
    column(steps, (step) => step.function),
    column(steps, ({ trigger }) => trigger),
    column(steps, ({ triggerName }) => text(triggerName)),
    column(steps, ({ status }) => status),
    column(steps, ({ attempt }) => attempt),
    column(steps, stepRank),
    column(steps, ({ startedAt }) => startedAt),
    column(steps, ({ finishedAt }) => finishedAt),
    column(steps, ({ result }) => (result === undefined ? undefined : storableJson(result))),
    column(steps, ({ error }) => json(error)),
    column(steps, ({ usage }) => json(usage)),
    column(steps, ({ causationId }) => text(causationId)),
    column(steps, ({ nextAttemptAt }) => nextAttemptAt),
  ];
  await db.system((tx) => tx.query(upsertSteps, values));
}

// Only what is not known yet: a retry's `queued` comes as an event, with the error of the attempt before. A cancelled
// execution's event may be here first and knows less of why it was asked for.
const insertCommands = `
  insert into executions as e (id, tenant_id, accepted_at, installation_id, plugin_id, version, function, trigger,
    trigger_name, status, attempt, rank, causation_id)
  select c.id, c.tenant_id, c.accepted_at, i.id, i.plugin_id, v.version,
    coalesce(c.function, v.manifest ->> 'default', 'execute'), c.trigger, c.trigger_name, 'queued', c.attempt, 0, c.causation_id
  from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::integer[], $9::text[])
      as c (id, tenant_id, accepted_at, installation_id, function, trigger, trigger_name, attempt, causation_id)
    join installations i on i.id = c.installation_id and i.tenant_id = c.tenant_id
    join versions v on v.id = i.version_id
  order by c.id
  on conflict (id, accepted_at) do update set
    trigger_name = coalesce(e.trigger_name, excluded.trigger_name),
    causation_id = coalesce(e.causation_id, excluded.causation_id)
  where e.tenant_id = excluded.tenant_id and (e.trigger_name is null and excluded.trigger_name is not null
    or e.causation_id is null and excluded.causation_id is not null)`;

/** Records of the executions that commands ask for, unless there are some already. */
export async function projectCommands(db: Database, commands: readonly ExecuteCommand[]): Promise<void> {
  if (commands.length === 0) return;
  // One row must not be written twice by one statement; a command that came again says the same.
  commands = [...new Map(commands.map((command) => [command.executionId, command])).values()];
  const values = [
    column(commands, ({ executionId }) => executionId),
    column(commands, ({ tenantId }) => tenantId),
    column(commands, ({ acceptedAt }) => acceptedAt),
    column(commands, ({ installationId }) => installationId),
    column(commands, (command) => command.function),
    column(commands, ({ trigger }) => trigger),
    column(commands, ({ triggerName }) => text(triggerName)),
    column(commands, ({ attempt }) => attempt),
    column(commands, ({ causationId }) => text(causationId)),
  ];
  await db.system((tx) => tx.query(insertCommands, values));
}
