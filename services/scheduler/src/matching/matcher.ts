import {
  decodeCloudEvent,
  encodeEvent,
  type Bus,
  type BusRecord,
  type CloudEvent,
  type Received,
  type States,
} from '@mortise/bus';
import { ExecuteInBackground, maxCausationDepth } from '@mortise/contracts';
import type { Database, Inbox, Outbox } from '@mortise/database';
import { AppError, Batcher, derivedId, metrics } from '@mortise/service-kit';
import { eventInput } from './event-input.js';
import type { Match, Subscriptions } from './subscriptions.js';

const consumer = 'subscriptions';
const source = '/scheduler';
const maxInFlight = 1_000;
const matched = metrics.counter('mortise_event_matches_total');

interface Matched {
  event: CloudEvent & { tenantId: string; acceptedAt: string };
  matches: Match[];
}

/** Turns events into background executions: one for each match, however often the event comes. */
export class Matcher {
  private readonly batcher: Batcher<Matched, undefined>;

  constructor(
    private readonly states: States,
    private readonly subscriptions: Subscriptions,
    db: Database,
    inbox: Inbox,
    outbox: Outbox,
  ) {
    this.batcher = new Batcher((batch: Matched[]) =>
      db.system(async (tx) => {
        const answers = await inbox.firstTimeMany(
          tx,
          consumer,
          batch.map(({ event }) => event),
        );
        const records = batch.flatMap(({ event, matches }, index) => {
          const answer = answers[index];
          return answer?.first ? matches.map((match) => commandOf(event, answer.acceptedAt, match)) : [];
        });
        matched.add(records.length);
        await outbox.addRecords(tx, records);
        return batch.map(() => undefined);
      }),
    );
  }

  consume(bus: Bus): void {
    for (const topic of ['platform-events', 'plugin-events'] as const)
      bus.consume({ topic, maxInFlight, handler: (record) => this.handle(record) });
  }

  /** @throws AppError MESSAGE_UNDECODABLE, CAUSATION_TOO_DEEP: straight to the dead letters */
  async handle(record: Received): Promise<void> {
    await Promise.all([this.states.installations.caughtUp, this.states.plugins.caughtUp]);
    const event = decodeCloudEvent(record);
    const { tenantId } = event;
    if (!tenantId || !uuid.test(tenantId))
      throw new AppError('MESSAGE_UNDECODABLE', { reason: 'the header ce_tenantid holds no tenant id' });
    if (event.causationDepth > maxCausationDepth)
      throw new AppError('CAUSATION_TOO_DEEP', { limit: maxCausationDepth });
    const matches = this.subscriptions.matches(tenantId, event.type);
    if (matches.length === 0) return;
    // Other services say when they wrote it by the record's own timestamp.
    const acceptedAt = instantOf(event.acceptedAt ?? record.timestamp);
    await this.batcher.add({ event: { ...event, tenantId, acceptedAt }, matches });
  }
}

const lastMs = Date.UTC(9999, 11, 31);

/** Others write to the topic too: a time that none is would fail every event of the batch. */
function instantOf(time: string | number): string {
  const ms = new Date(time).getTime();
  if (ms >= 0 && ms < lastMs) return new Date(ms).toISOString();
  throw new AppError('MESSAGE_UNDECODABLE', { reason: 'the header ce_acceptedat is no time' });
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The same event, installation and function give the same execution. */
function commandOf(event: Matched['event'], acceptedAt: string, match: Match): BusRecord {
  const { installation } = match;
  const { tenantId } = event;
  const executionId = derivedId(
    Date.parse(acceptedAt),
    tenantId,
    event.source,
    event.id,
    installation.installationId,
    match.function,
  );
  return encodeEvent(
    ExecuteInBackground,
    {
      executionId,
      tenantId,
      installationId: installation.installationId,
      acceptedAt,
      trigger: 'event',
      triggerName: event.type,
      attempt: 1,
      revision: installation.revision,
      function: match.function,
      input: eventInput(event),
      causationId: event.id,
      causationDepth: event.causationDepth,
    },
    { source, tenantId, acceptedAt, causationId: event.id, traceparent: event.traceparent },
  );
}
