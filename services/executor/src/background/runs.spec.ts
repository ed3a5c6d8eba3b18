import { Database } from '@mortise/database';
import { createLogger } from '@mortise/service-kit';
import { testDatabase, type TestDatabase, installation } from '@mortise/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { command, outcome } from '../../test/builders.js';
import { Running } from '../executions/running.js';
import { migrations } from '../migrations.js';
import { Leases } from './leases.js';
import { keyOf, Runs, type RunOwner } from './runs.js';

const leaseMs = 60_000;

describe('claims of background runs', () => {
  let database: TestDatabase;
  let db: Database;
  let mine: Runs;
  let theirs: Runs;
  let leases: Leases;
  const state = installation();
  const expire = (run: RunOwner) =>
    db.system((tx) =>
      tx.query(`update runs set lease_until = clock_timestamp() - interval '1 s' where execution_id = $1`, [
        run.executionId,
      ]),
    );
  const finish = (runs: Runs, run: RunOwner, fence: number, result = '1') =>
    db.system((tx) =>
      runs.finish(tx, [{ ...run, fence, outcome: outcome(command(state, run), { result }) }]),
    );

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

  it('go to one process', async () => {
    const runs = [command(state), command(state)];

    const [first, second] = await Promise.all([mine.claim(runs), theirs.claim(runs)]);

    for (const index of [0, 1])
      expect([first?.[index]?.kind, second?.[index]?.kind].sort()).toEqual(['held', 'won']);
  });

  it('pass to another process when the lease has run out, with a higher fence', async () => {
    const run = command(state);
    const [claimed] = await mine.claim([run]);
    const [held] = await theirs.claim([run]);
    await expire(run);

    const [taken] = await theirs.claim([run]);

    expect(claimed).toEqual({ kind: 'won', fence: 1 });
    expect(held?.kind).toBe('held');
    expect(taken).toEqual({ kind: 'won', fence: 2 });
  });

  it('refuse an outcome with an old fence', async () => {
    const run = command(state);
    await mine.claim([run]);
    await expire(run);
    await theirs.claim([run]);

    const old = await finish(mine, run, 1, '"old"');
    const current = await finish(theirs, run, 2, '"new"');

    expect([...old]).toEqual([]);
    expect([...current]).toEqual([keyOf(run)]);
    expect((await mine.claim([run]))[0]).toMatchObject({ kind: 'finished', outcome: { result: '"new"' } });
  });

  it('answer a redelivered finished run with its outcome', async () => {
    const run = command(state);
    await mine.claim([run]);
    await finish(mine, run, 1);

    const [again] = await theirs.claim([run]);

    expect(again).toMatchObject({ kind: 'finished', outcome: { executionId: run.executionId } });
  });

  it('stay while they are renewed, and tell which were lost', async () => {
    const kept = command(state);
    const lost = command(state);
    await mine.claim([kept, lost]);
    await expire(lost);
    await theirs.claim([lost]);

    const still = await mine.renew([
      { ...kept, fence: 1 },
      { ...lost, fence: 1 },
    ]);

    expect([...still]).toEqual([keyOf(kept)]);
  });

  it('keep attempts of one execution apart', async () => {
    const run = command(state);
    await mine.claim([run]);
    await finish(mine, run, 1);

    expect((await mine.claim([{ ...run, attempt: 2 }]))[0]?.kind).toBe('won');
  });

  it('are lost to a cancel that came first', async () => {
    const run = command(state);

    const found = await mine.cancel(run, outcome(run, { status: 'cancelled' }));

    expect(found).toBeUndefined();
    expect((await theirs.claim([run]))[0]).toMatchObject({
      kind: 'finished',
      outcome: { status: 'cancelled' },
    });
  });

  it('tell a cancel that comes later what stands there', async () => {
    const running = command(state);
    await mine.claim([running]);

    expect(await mine.cancel(running, outcome(running, { status: 'cancelled' }))).toEqual({ outcome: null });
  });

  it('keep results that jsonb would refuse', async () => {
    const run = command(state);
    await mine.claim([run]);

    await finish(mine, run, 1, JSON.stringify('\0\ud800'));

    expect((await mine.claim([run]))[0]).toMatchObject({ outcome: { result: JSON.stringify('\0\ud800') } });
  });

  describe('of a process that stood still before it ran them', () => {
    const longAgo = () => performance.now() - leaseMs - 1;
    const hold = (run: RunOwner) => leases.hold({ ...run, fence: 1 }, longAgo());

    it('are left to the process that has taken them meanwhile', async () => {
      const run = command(state);
      await mine.claim([run]);
      await expire(run);
      await theirs.claim([run]);

      expect(await hold(run)).toBe(false);
    });

    it('are run where nobody has, and stay its own', async () => {
      const run = command(state);
      await mine.claim([run]);
      await expire(run);

      expect(await hold(run)).toBe(true);
      expect(await theirs.claim([run])).toMatchObject([{ kind: 'held' }]);
    });
  });
});
