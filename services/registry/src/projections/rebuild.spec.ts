import type { ExecuteCommand, ExecutionData, ExecutionLogData } from '@mortise/contracts';
import { uuidTime } from '@mortise/contracts';
import type { Database } from '@mortise/database';
import { newId } from '@mortise/service-kit';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { install, registryDatabase, type Installed } from '../../test/installed.js';
import { projectCommands, projectExecutions } from './executions-projection.js';
import { projectLogs } from './logs-projection.js';

let db: Database;
let close: () => Promise<void>;
let installed: Installed;
beforeAll(async () => {
  ({ db, close } = await registryDatabase());
  installed = await install(db);
});
afterAll(() => close());

/** How the lives of executions go, step by step as the topic has them. */
const lives = {
  succeeds: ['queued', 'running', 'succeeded'],
  isQuick: ['succeeded'],
  isRetried: ['queued', 'running', 'again', 'running', 'failed'],
  isNotAnswered: ['noAnswer', 'running', 'succeeded'],
  isNeverAnswered: ['running', 'noAnswer'],
  isAnsweredLate: ['noAnswer', 'running'],
  isCancelled: ['queued', 'cancelled'],
  waits: ['queued'],
  isAsked: [],
} as const;
type Life = keyof typeof lives;

const second = (n: number) => new Date(Date.parse('2030-01-01T00:00:00Z') + n * 1_000).toISOString();

function stepsOf(life: Life, executionId: string): ExecutionData[] {
  let attempt = 1;
  return lives[life].map((what, index): ExecutionData => {
    if (what === 'again') attempt = 2;
    const base = {
      executionId,
      tenantId: installed.tenantId,
      installationId: installed.installationId,
      pluginId: installed.pluginId,
      version: '1.0.0',
      function: 'greet',
      trigger: 'job' as const,
      attempt,
      acceptedAt: new Date(uuidTime(executionId)).toISOString(),
    };
    const why = { triggerName: 'nightly', causationId: `cause-of-${executionId}` };
    const finishedAt = second(index);
    switch (what) {
      case 'again':
        return { ...base, ...why, status: 'queued', error: { code: 'E', message: `try ${index}` } };
      // Who only knows that nobody answered, or that it is over before it began, knows less of it.
      case 'noAnswer':
        return { ...base, status: 'timed_out', finishedAt, error: { code: 'NO_ANSWER', message: 'nobody' } };
      case 'cancelled':
        return { ...base, status: 'cancelled', finishedAt };
      case 'queued':
        return { ...base, ...why, status: 'queued' };
      case 'running':
        return { ...base, ...why, status: 'running', startedAt: second(index) };
      default:
        return { ...base, ...why, status: what, finishedAt, result: `{"n":${index}}` };
    }
  });
}

const commandOf = (executionId: string): ExecuteCommand => ({
  executionId,
  tenantId: installed.tenantId,
  installationId: installed.installationId,
  acceptedAt: new Date(uuidTime(executionId)).toISOString(),
  function: 'greet',
  trigger: 'job',
  triggerName: 'nightly',
  causationId: `cause-of-${executionId}`,
  attempt: 1,
});

const logsOf = (executionId: string, count: number): ExecutionLogData[] =>
  Array.from({ length: count }, (_, sequence) => ({
    executionId,
    tenantId: installed.tenantId,
    installationId: installed.installationId,
    lines: [
      { at: second(sequence), sequence, level: 'info', message: `line ${sequence}`, fields: { sequence } },
    ],
  }));

/** All columns of all rows. */
const everything = () =>
  db.system(async (tx) => ({
    executions: await tx.query<object[]>('select * from executions order by id'),
    logs: await tx.query<object[]>('select * from logs order by execution_id, sequence, at'),
  }));
const forget = () =>
  db.system(async (tx) => {
    await tx.query('delete from executions');
    await tx.query('delete from logs');
  });

/** The topics from their start, cut into batches of these sizes in turn; `repeat`: a rebalance brings each batch twice. */
async function project(
  topics: { steps: ExecutionData[]; commands: ExecuteCommand[]; logs: ExecutionLogData[] },
  sizes: number[],
  repeat: boolean,
): Promise<void> {
  const cut = <T>(records: T[]): T[][] => {
    const batches: T[][] = [];
    for (let from = 0, n = 0; from < records.length; n++) {
      const size = sizes[n % sizes.length] as number;
      batches.push(records.slice(from, from + size));
      from += size;
    }
    return batches;
  };
  const steps = cut(topics.steps).map((batch) => () => projectExecutions(db, batch));
  const commands = cut(topics.commands).map((batch) => () => projectCommands(db, batch));
  const logs = cut(topics.logs).map((batch) => () => projectLogs(db, batch));
  // Which topic is ahead is chance.
  const work = repeat ? [...steps, ...commands, ...logs] : [...commands, ...steps, ...logs];
  for (const step of work) {
    await step();
    if (repeat) await step();
  }
}

const sizes = fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 4 });

describe('projecting the topics from their start', () => {
  it('gives the same rows however they are cut into batches, and again when they come again', async () => {
    const names = Object.keys(lives) as Life[];
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...names), { minLength: 1, maxLength: 30 }),
        sizes,
        fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        async (chosen, large, small, repeat) => {
          const all = chosen.map((life) => ({ life, id: newId() }));
          const queues = all.map(({ life, id }) => stepsOf(life, id));
          const steps: ExecutionData[] = [];
          // The executions of one key are mixed in the topic, each in its own order.
          for (let n = 0; queues.some(({ length }) => length > 0); n++) {
            const next =
              queues[(n * 7) % queues.length]?.shift() ?? queues.find(({ length }) => length)?.shift();
            if (next) steps.push(next);
          }
          const topics = {
            steps,
            commands: all.filter(({ life }) => !life.includes('Answered')).map(({ id }) => commandOf(id)),
            logs: all.flatMap(({ id }, index) => logsOf(id, index % 4)),
          };

          await forget();
          await project(topics, large, false);
          const first = await everything();
          await project(topics, small, repeat);
          const again = await everything();
          await forget();
          await project(topics, small, repeat);
          const rebuilt = await everything();

          expect(first.executions).toHaveLength(all.length);
          expect(again).toEqual(first);
          expect(rebuilt).toEqual(first);
        },
      ),
      { numRuns: 40 },
    );
  });
});
