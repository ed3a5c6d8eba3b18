import { Database } from '@mortise/database';
import { createLogger } from '@mortise/service-kit';
import { installation, testDatabase, type TestDatabase } from '@mortise/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { command } from '../../test/builders.js';
import { Running } from '../executions/running.js';
import { migrations } from '../migrations.js';
import { Leases } from './leases.js';
import { Runs } from './runs.js';

const leaseMs = 2_000;

describe('a run that was claimed before this process stood still', () => {
  let database: TestDatabase;
  let db: Database;
  let mine: Runs;
  let theirs: Runs;
  let leases: Leases;
  const state = installation();
  const longAgo = () => performance.now() - leaseMs - 1;

  beforeAll(async () => {
    database = await testDatabase([migrations]);
    const logger = createLogger({ service: 'executor', level: 'silent' });
    db = await Database.connect({ url: database.url, service: 'executor', logger });
    mine = new Runs(db, 'mine', leaseMs);
    theirs = new Runs(db, 'theirs', leaseMs);
    leases = new Leases(mine, new Running(() => {}), leaseMs, logger);
  });
  afterAll(async () => {
    await db.close();
    await database.drop();
  });

  it('is left to the process that has taken it meanwhile', async () => {
    const run = command(state);
    await mine.claim([run]);
    await db.system((tx) =>
      tx.query(`update runs set lease_until = clock_timestamp() where execution_id = $1`, [run.executionId]),
    );
    await theirs.claim([run]);

    expect(await leases.hold({ ...run, fence: 1 }, longAgo())).toBe(false);
  });

  it('is run where nobody has, for as long as any other', async () => {
    const run = command(state);
    await mine.claim([run]);
    await db.system((tx) =>
      tx.query(`update runs set lease_until = clock_timestamp() where execution_id = $1`, [run.executionId]),
    );

    expect(await leases.hold({ ...run, fence: 1 }, longAgo())).toBe(true);
    expect(await theirs.claim([run])).toMatchObject([{ kind: 'held' }]);
  });
});
