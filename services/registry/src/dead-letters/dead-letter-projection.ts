import { deadLetterHeaders, decodeEvent, type Bus, type Received } from '@mortise/bus';
import { ExecuteInBackground, ExecutionDeadLettered, isTerminal, serviceNames } from '@mortise/contracts';
import type { Database, Outbox, Tx } from '@mortise/database';
import { derivedId } from '@mortise/service-kit';
import { executionRow } from '../executions/executions.queries.js';
import { storableText } from '../projections/json-text.js';

const group = 'registry';
const maxBatch = 100;
const delayMs = 50;
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const insertLetters = `
  insert into dead_letters (id, dead_at, service, topic, code, tenant, letter, value)
  select * from unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::json[], $8::bytea[])
  on conflict (dead_at, id) do nothing returning id`;

interface Letter {
  id: string;
  deadAt: Date;
  service: string;
  record: Received;
}

/** Anyone may write to a dead-letter topic: nothing of it is taken for granted. */
function letterOf(record: Received): Letter {
  const { headers, key } = record;
  const at = Date.parse(headers[deadLetterHeaders.at] ?? '');
  const deadMs = at > 0 ? at : record.timestamp;
  const service = record.topic.slice('dead-letters.'.length);
  const place = [
    deadLetterHeaders.group,
    deadLetterHeaders.topic,
    deadLetterHeaders.partition,
    deadLetterHeaders.offset,
  ].map((name) => headers[name] ?? '');
  const id = derivedId(deadMs, service, ...place, headers['ce_id'] ?? '', key ?? '');
  return { id, deadAt: new Date(deadMs), service, record };
}

/** Keeps what the services could not handle where operators find it. Before the bus starts. */
export function attachDeadLetters(bus: Bus, db: Database, outbox: Outbox): void {
  for (const service of serviceNames)
    bus.consume({
      topic: `dead-letters.${service}`,
      group,
      maxBatch,
      delayMs,
      batch: (records) => storeDeadLetters(db, outbox, records),
    });
}

/** Stores each letter once. */
export async function storeDeadLetters(db: Database, outbox: Outbox, records: Received[]): Promise<void> {
  const letters = records.map(letterOf).sort((a, b) => (a.id < b.id ? -1 : 1));
  await db.system(async (tx) => {
    const added = await tx.query<{ id: string }[]>(insertLetters, [
      letters.map(({ id }) => id),
      letters.map(({ deadAt }) => deadAt),
      letters.map(({ service }) => service),
      letters.map(({ record }) => storableText(record.headers[deadLetterHeaders.topic] ?? '')),
      letters.map(({ record }) => storableText(record.headers[deadLetterHeaders.code] ?? '')),
      letters.map(({ record }) => tenantOf(record)),
      letters.map(({ record: { key, headers } }) => JSON.stringify({ key, headers })),
      letters.map(({ record }) => record.value),
    ]);
    const fresh = new Set(added.map(({ id }) => id));
    for (const letter of letters) if (fresh.has(letter.id)) await tellOfExecution(tx, outbox, letter);
  });
}

const tenantOf = ({ headers }: Received): string | null => {
  const tenant = headers['ce_tenantid'] ?? '';
  return uuid.test(tenant) ? tenant.toLowerCase() : null;
};

/** An execution whose command died would stay queued for ever, and a job would wait for its end. */
async function tellOfExecution(tx: Tx, outbox: Outbox, { service, deadAt, record }: Letter): Promise<void> {
  const { headers } = record;
  if (service !== 'executor' || headers[deadLetterHeaders.topic] !== 'executions.background') return;
  const command = commandOf(record);
  const row = command && (await executionRow(tx, command.tenantId, command.executionId));
  if (!row || isTerminal(row.status) || row.attempt > command.attempt) return;
  const acceptedAt = row.accepted_at.toISOString();
  await outbox.add(
    tx,
    ExecutionDeadLettered,
    {
      executionId: row.id,
      tenantId: row.tenant_id,
      installationId: row.installation_id,
      pluginId: row.plugin_id,
      version: row.version,
      function: row.function,
      trigger: row.trigger,
      status: 'dead_lettered',
      attempt: command.attempt,
      acceptedAt,
      finishedAt: deadAt.toISOString(),
      error: {
        code: headers[deadLetterHeaders.code] ?? 'INTERNAL',
        message: headers[deadLetterHeaders.reason] ?? '',
      },
    },
    { tenantId: row.tenant_id, acceptedAt },
  );
}

function commandOf(record: Received) {
  try {
    return decodeEvent(ExecuteInBackground, record).data;
  } catch {
    return undefined;
  }
}
