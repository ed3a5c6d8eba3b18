import { connect, Database, databaseOf, Outbox } from '@mortise/database';
import { createLogger } from '@mortise/service-kit';
import { testDatabase, type TestDatabase, installation } from '@mortise/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { command, outcome } from '../../test/builders.js';
import { migrations } from '../migrations.js';
import { Finisher } from './finisher.js';
import { Runs } from './runs.js';

const logger = createLogger({ service: 'executor', level: 'silent' });

describe('outcomes of background runs', () => {
  let database: TestDatabase;
  let db: Database;
  let runs: Runs;
  let finisher: Finisher;
  const state = installation();
  beforeAll(async () => {
    database = await testDatabase([migrations]);
    db = await Database.connect({ url: database.url, service: 'executor', logger });
    runs = new Runs(db, 'mine', 60_000);
    const bus = { send: async () => {}, redeliver: async () => {} };
    finisher = new Finisher(db, runs, new Outbox({ db, bus, logger }));
  });
  afterAll(async () => {
    await db.close();
    await database.drop();
  });

  const finished = (run: ReturnType<typeof command>) => ({
    executionId: run.executionId,
    attempt: run.attempt,
    fence: 1,
    outcome: outcome(run),
  });

  /** The database ends all connections and lets nobody in while `work` begins. */
  const whileAway = async <T>(work: () => Promise<T>): Promise<T> => {
    const name = new URL(database.url).pathname.slice(1);
    const admin = await connect(databaseOf(database.url, 'postgres'), 'test');
    try {
      await admin.query(`alter database "${name}" allow_connections false`);
      await admin.query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = $1`, [name]);
      const begun = work();
      await expect(db.system((tx) => tx.query('select 1'))).rejects.toThrow();
      await admin.query(`alter database "${name}" allow_connections true`);
      return await begun;
    } finally {
      await admin.end();
    }
  };

  it('wait for a database that is away, so that what ran need not run again', async () => {
    const run = command(state);
    await runs.claim([run]);

    const written = await whileAway(() => finisher.finish(finished(run)));

    expect(written).toBe(true);
    expect((await runs.claim([run]))[0]).toMatchObject({ kind: 'finished' });
  });

  it('do not count when another process has the run', async () => {
    const run = command(state);
    await runs.claim([run]);

    expect(await finisher.finish({ ...finished(run), fence: 7 })).toBe(false);
  });

  it('leave it to the claim when they were written but the answer was lost', async () => {
    const run = command(state);
    await runs.claim([run]);
    await finisher.finish(finished(run));

    // It throws when its first try met the outage, and says false when that came late: neither counts as written.
    expect(await whileAway(() => finisher.finish(finished(run)).catch(() => false))).toBe(false);
    expect((await runs.claim([run]))[0]).toMatchObject({ kind: 'finished' });
  });
});
