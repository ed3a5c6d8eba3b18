import { decodeEvent, type Bus, type Received } from '@mortise/bus';
import {
  ExecuteInBackground,
  executionEvents,
  ExecutionLogged,
  type EventDefinition,
  type ExecutionData,
} from '@mortise/contracts';
import type { Database } from '@mortise/database';
import { AppError, metrics } from '@mortise/service-kit';
import type { LogFeed } from '../logs/log-feed.js';
import { projectCommands, projectExecutions } from './executions-projection.js';
import { projectLogs } from './logs-projection.js';

const maxBatch = 500;
/** The brokers gather for as long again. */
const delayMs = 100;
/** Commands are short of time: their publisher waits for this in one process. */
const commandDelayMs = 20;

const rows = metrics.counter('mortise_projection_rows_total');
const delay = metrics.histogram('mortise_projection_delay_seconds');

/** Counts what a projection took in and how long it lagged behind the bus. */
const measured =
  (projection: string, project: (records: Received[]) => Promise<void>) =>
  async (records: Received[]): Promise<void> => {
    await project(records);
    const oldest = Math.min(...records.map(({ timestamp }) => timestamp));
    delay.record(Math.max(0, Date.now() - oldest) / 1_000, { projection });
    rows.add(records.length, { projection });
  };

const definitions = new Map<string, EventDefinition<ExecutionData>>(
  Object.values(executionEvents).map((definition) => [definition.type, definition]),
);

/** @throws AppError MESSAGE_UNDECODABLE: the bus then hands the records over one by one and puts this one aside */
export function decodeStep(record: Received): ExecutionData {
  const type = record.headers['ce_type'];
  const definition = definitions.get(type ?? '');
  if (!definition)
    throw new AppError('MESSAGE_UNDECODABLE', { reason: `there is no event ${type ?? '(none)'}` });
  return decodeEvent(definition, record).data;
}

/** Keeps the records of executions and the logs up to date with what the bus tells. Before the bus starts. */
export function attachProjections(bus: Bus, db: Database, feed: LogFeed): void {
  const group = 'registry';
  bus.consume({
    topic: 'execution-events',
    group,
    maxBatch,
    delayMs,
    batch: measured('executions', async (records) => projectExecutions(db, records.map(decodeStep))),
  });
  bus.consume({
    topic: 'executions.background',
    group,
    maxBatch,
    delayMs: commandDelayMs,
    batch: measured('commands', async (records) =>
      projectCommands(
        db,
        records.map((record) => decodeEvent(ExecuteInBackground, record).data),
      ),
    ),
  });
  bus.consume({
    topic: 'execution-logs',
    group,
    maxBatch,
    delayMs,
    batch: measured('logs', async (records) => {
      const batches = records.map((record) => decodeEvent(ExecutionLogged, record).data);
      await projectLogs(db, batches);
      feed.stored(batches.map(({ installationId }) => installationId));
    }),
  });
}
