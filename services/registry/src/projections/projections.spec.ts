import { Bus, busEnv, encodeEvent, MemoryBroker, type Received } from '@mortise/bus';
import { ExecutionLogged, ExecutionSucceeded, uuidTime, type ExecutionData } from '@mortise/contracts';
import type { Database } from '@mortise/database';
import { defineEnv, loadEnv, newId } from '@mortise/service-kit';
import { until } from '@mortise/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { install, logger, registryDatabase, type Installed } from '../../test/installed.js';
import { executionRow } from '../executions/executions.queries.js';
import { LogFeed } from '../logs/log-feed.js';
import { attachProjections } from './projections.js';

let db: Database;
let bus: Bus;
let installed: Installed;
const feed = new LogFeed();
const dead: Received[] = [];
const ends: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  const database = await registryDatabase();
  db = database.db;
  installed = await install(db);
  bus = Bus.create({
    service: 'registry',
    instanceId: 'registry-1',
    env: loadEnv(defineEnv(busEnv), {}),
    broker: new MemoryBroker(),
    logger,
  });
  attachProjections(bus, db, feed);
  bus.consume({ topic: 'dead-letters.registry', handler: async (record) => void dead.push(record) });
  await bus.start();
  ends.push(() => bus.close(), database.close);
});
afterAll(async () => {
  for (const end of ends) await end();
});

const succeeded = (): ExecutionData => {
  const executionId = newId();
  return {
    executionId,
    tenantId: installed.tenantId,
    installationId: installed.installationId,
    pluginId: installed.pluginId,
    version: '1.0.0',
    function: 'greet',
    trigger: 'call',
    status: 'succeeded',
    attempt: 1,
    acceptedAt: new Date(uuidTime(executionId)).toISOString(),
  };
};

describe('projections', () => {
  it('put records aside that cannot be decoded and store the rest of the batch', async () => {
    const good = [succeeded(), succeeded()];
    const broken = {
      ...encodeEvent(ExecutionSucceeded, succeeded()),
      value: Buffer.from('{"executionId":1}'),
    };
    const noJson = encodeEvent(ExecutionSucceeded, { ...succeeded(), result: '{' });
    await bus.send([broken, ...good.map((data) => encodeEvent(ExecutionSucceeded, data)), noJson]);

    await until(() => dead.length === 2, 'both are among the dead letters');
    for (const { executionId, tenantId } of good) {
      const row = await db.tx(tenantId, (tx) => executionRow(tx, tenantId, executionId));
      expect(row?.status).toBe('succeeded');
    }
  });

  it('store log lines once and wake those who follow', async () => {
    const { tenantId, installationId } = installed;
    const executionId = newId();
    let rings = 0;
    const stop = feed.onStored(installationId, () => (rings += 1));
    const lines = [0, 1].map((sequence) => ({
      at: '2030-01-01T00:00:00.000Z',
      sequence,
      level: 'warn' as const,
      message: 'a\0b',
      fields: { n: sequence },
    }));
    const record = encodeEvent(ExecutionLogged, { executionId, tenantId, installationId, lines });
    await bus.send([record, record]);

    await until(() => rings > 0, 'the feed rings');
    stop();
    const rows = await db.tx(tenantId, (tx) =>
      tx.query('select sequence, severity, message, fields from logs where execution_id = $1 order by 1', [
        executionId,
      ]),
    );
    expect(rows).toEqual([
      { sequence: 0, severity: 2, message: 'a\ufffdb', fields: { n: 0 } },
      { sequence: 1, severity: 2, message: 'a\ufffdb', fields: { n: 1 } },
    ]);
  });
});
