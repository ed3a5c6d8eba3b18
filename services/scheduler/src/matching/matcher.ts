import {
  decodeCloudEvent,
  encodeEvent,
  type Bus,
  type BusRecord,
  type CloudEvent,
  type Received,
  type Refused,
  type States,
} from '@mortise/bus';
import { ExecuteInBackground, maxCausationDepth } from '@mortise/contracts';
import type { Database, Inbox, Outbox } from '@mortise/database';
import { AppError, derivedId, metrics } from '@mortise/service-kit';
import { eventInput } from './event-input.js';
import type { Match, Subscriptions } from './subscriptions.js';

const consumer = 'subscriptions';
const source = '/scheduler';
const maxBatch = 500;
/** Who sent an event waits until it is handled: under load the next batch gathers while one is written. */
const delayMs = 1;
const maxRows = 5_000;
const maxBytes = 8_000_000;
const matchedTotal = metrics.counter('mortise_event_matches_total');

interface Matched {
  event: CloudEvent & { tenantId: string; acceptedAt: string };
  matches: Match[];
  /** What its commands will hold. */
  bytes: number;
}

/** Turns events into background executions: one for each match, however often the event comes. */
export class Matcher {
  constructor(
    private readonly states: States,
    private readonly subscriptions: Subscriptions,
    private readonly db: Database,
    private readonly inbox: Inbox,
    private readonly outbox: Outbox,
  ) {}

  consume(bus: Bus): void {
    for (const topic of ['platform-events', 'plugin-events'] as const)
      bus.consume({ topic, maxBatch, delayMs, batch: (records) => this.handle(records) });
  }

  /** @returns the events that can never be handled: they go to the dead letters, the others need not wait for them */
  async handle(records: readonly Received[]): Promise<Refused[]> {
    await Promise.all([this.states.installations.caughtUp, this.states.plugins.caughtUp]);
    const matched: Matched[] = [];
    const refused: Refused[] = [];
    for (const record of records) {
      try {
        const match = this.match(record);
        if (match) matched.push(match);
      } catch (error) {
        refused.push({ record, error });
      }
    }
    for (const portion of portions(matched)) await this.queue(portion);
    return refused;
  }

  /**
   * @returns undefined when nobody wants the event
   * @throws AppError MESSAGE_UNDECODABLE, CAUSATION_TOO_DEEP
   */
  private match(record: Received): Matched | undefined {
    const event = decodeCloudEvent(record);
    const { tenantId } = event;
    if (!tenantId || !uuid.test(tenantId))
      throw new AppError('MESSAGE_UNDECODABLE', { reason: 'the header ce_tenantid holds no tenant id' });
    if (event.causationDepth > maxCausationDepth)
      throw new AppError('CAUSATION_TOO_DEEP', { limit: maxCausationDepth });
    const matches = this.subscriptions.matches(tenantId, event.type);
    if (matches.length === 0) return undefined;
    // Other services say when they wrote it by the record's own timestamp.
    const acceptedAt = instantOf(event.acceptedAt ?? record.timestamp);
    const bytes = matches.length * (record.value?.length ?? 0);
    return { event: { ...event, tenantId, acceptedAt }, matches, bytes };
  }

  /** One transaction. Its rows are in the events' order, which the outbox keeps for each key. */
  private async queue(batch: readonly Matched[]): Promise<void> {
    const queued = await this.db.system(async (tx) => {
      const events = batch.map(({ event }) => event);
      const answers = await this.inbox.firstTimeMany(tx, consumer, events);
      const records = batch.flatMap(({ event, matches }, index) => {
        const answer = answers[index];
        return answer?.first ? matches.map((match) => commandOf(event, answer.acceptedAt, match)) : [];
      });
      await this.outbox.addRecords(tx, records);
      return records.length;
    });
    matchedTotal.add(queued);
  }
}

/** In order, each no larger than a transaction may be: large events with many matches are many bytes. */
function* portions(matched: readonly Matched[]): Generator<readonly Matched[]> {
  let [from, rows, bytes] = [0, 0, 0];
  for (const [index, match] of matched.entries()) {
    if (index > from && (rows + match.matches.length > maxRows || bytes + match.bytes > maxBytes)) {
      yield matched.slice(from, index);
      [from, rows, bytes] = [index, 0, 0];
    }
    rows += match.matches.length;
    bytes += match.bytes;
  }
  if (from < matched.length) yield matched.slice(from);
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
      chainId: event.chainId ?? event.id,
    },
    { source, tenantId, acceptedAt, causationId: event.id, traceparent: event.traceparent },
  );
}
