import { createHash } from 'node:crypto';
import type { Tx } from './database.js';

/** What makes an event the same event: (tenant, source, id). */
export interface InboxEvent {
  tenantId: string;
  source: string;
  id: string;
  /** ISO 8601. */
  acceptedAt: string;
}

export interface InboxAnswer {
  /** False: this consumer has had the event; leave it. */
  first: boolean;
  /** When it was accepted the first time: derived ids are made of this one. */
  acceptedAt: string;
}

// A repeat may have been accepted on the other side of midnight. Looked up one by one along the key: a join may be planned
// to read the whole inbox for each batch, and is, as long as a day's partition has no statistics yet.
const known = `
  select e.n::int as n, i.accepted_at as "acceptedAt"
  from unnest($2::uuid[], $3::text[], $4::text[], $5::timestamptz[]) with ordinality as e(tenant_id, source, event_id, accepted_at, n)
  cross join lateral (
    select i.accepted_at from inbox i
    where i.consumer = $1 and i.tenant_id = e.tenant_id and i.source = e.source and i.event_id = e.event_id
      and i.accepted_on between (e.accepted_at at time zone 'UTC')::date - 1 and (e.accepted_at at time zone 'UTC')::date + 1
    order by i.accepted_at limit 1
  ) i`;

const add = `
  insert into inbox (consumer, tenant_id, source, event_id, accepted_on, accepted_at)
  select $1, tenant_id, source, event_id, (accepted_at at time zone 'UTC')::date, accepted_at
  from unnest($2::uuid[], $3::text[], $4::text[], $5::timestamptz[]) as e(tenant_id, source, event_id, accepted_at)
  order by 2, 3, 4
  on conflict do nothing
  returning tenant_id as "tenantId", source, event_id as id`;

interface Keyed extends InboxEvent {
  index: number;
  key: string;
}

/**
 * Makes an effect in the database happen once although its event may come twice: ask in the transaction of the
 * effect. A repeat is recognised when it was accepted on the same, the previous or the next UTC day.
 */
export class Inbox {
  /** @param consumer names the effect, e.g. `scheduler.match`; consumers do not see each other's events */
  async firstTime(tx: Tx, consumer: string, event: InboxEvent): Promise<InboxAnswer> {
    const [answer] = await this.firstTimeMany(tx, consumer, [event]);
    return answer as InboxAnswer;
  }

  /** One answer for each event, in their order; a repeat within the batch is a repeat. */
  async firstTimeMany(tx: Tx, consumer: string, events: InboxEvent[]): Promise<InboxAnswer[]> {
    const answers = new Array<InboxAnswer | undefined>(events.length);
    const all = events.map((event, index) => keyed(event, index));
    const open = await this.answerKnown(tx, consumer, all, answers);

    const firsts = new Map<string, Keyed>();
    for (const event of open) if (!firsts.has(event.key)) firsts.set(event.key, event);
    const added = new Set(
      firsts.size === 0
        ? []
        : (
            await tx.query<{ tenantId: string; source: string; id: string }[]>(
              add,
              columns(consumer, [...firsts.values()]),
            )
          ).map(keyOf),
    );
    const lost: Keyed[] = [];
    for (const event of open) {
      const first = firsts.get(event.key) as Keyed;
      if (!added.has(event.key)) lost.push(event);
      else answers[event.index] = { first: first === event, acceptedAt: isoOf(first.acceptedAt) };
    }
    // Another transaction added these after our look-up and has committed by now.
    const gone = await this.answerKnown(tx, consumer, lost, answers);
    if (gone.length > 0) throw new Error('The inbox refused an event that it does not hold');
    return answers as InboxAnswer[];
  }

  private async answerKnown(
    tx: Tx,
    consumer: string,
    events: Keyed[],
    answers: (InboxAnswer | undefined)[],
  ): Promise<Keyed[]> {
    if (events.length === 0) return [];
    const rows = await tx.query<{ n: number; acceptedAt: Date }[]>(known, columns(consumer, events));
    for (const { n, acceptedAt } of rows)
      answers[(events[n - 1] as Keyed).index] = { first: false, acceptedAt: acceptedAt.toISOString() };
    return events.filter(({ index }) => answers[index] === undefined);
  }
}

const isoOf = (time: string) => new Date(time).toISOString();
const keyOf = (e: { tenantId: string; source: string; id: string }) => `${e.tenantId}\n${e.source}\n${e.id}`;

// Strangers choose source and id, an index entry holds 2.7 KB at most and no text a NUL: such are kept as their hash.
const bounded = (text: string) =>
  text.length <= 256 && !text.includes('\0')
    ? text
    : `sha256:${createHash('sha256').update(text).digest('hex')}`;

function keyed(event: InboxEvent, index: number): Keyed {
  const stored = {
    tenantId: event.tenantId.toLowerCase(),
    source: bounded(event.source),
    id: bounded(event.id),
    acceptedAt: event.acceptedAt,
  };
  return { ...stored, index, key: keyOf(stored) };
}

const columns = (consumer: string, events: Keyed[]) => [
  consumer,
  events.map((event) => event.tenantId),
  events.map((event) => event.source),
  events.map((event) => event.id),
  events.map((event) => event.acceptedAt),
];
