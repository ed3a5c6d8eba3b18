import { ExecuteInBackground, type ExecuteCommand, type InstallationStateData } from '@mortise/contracts';
import { Database, Outbox } from '@mortise/database';
import { createLogger, systemClock } from '@mortise/service-kit';
import { testDatabase, type TestDatabase, installation } from '@mortise/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { States } from '@mortise/bus';
import { migrations } from '../migrations.js';
import { finishFiresSql } from './schedules.sql.js';
import { ScheduleLoop } from './schedule-loop.js';
import { Schedules } from './schedules.service.js';

const hourly = { name: 'hourly', schedule: '0 * * * *', function: 'run' };

describe('the schedule loop', () => {
  const known = new Map<string, InstallationStateData>();
  const states = { installations: known, plugins: new Map() } as unknown as States;
  const logger = createLogger({ service: 'scheduler', level: 'silent' });
  let database: TestDatabase;
  let db: Database;
  let outbox: Outbox;
  let schedules: Schedules;
  let loop: ScheduleLoop;

  /** An installation with a job that is due since `agoMs`. */
  const due = async (job: Partial<InstallationStateData['jobs'][number]> = {}, agoMs = 10) => {
    const state = installation({ jobs: [{ ...hourly, ...job }] });
    known.set(state.installationId, state);
    await schedules.sync(state);
    await makeDue(state, agoMs);
    return state;
  };
  const makeDue = (state: InstallationStateData, agoMs = 10) =>
    db.system((tx) =>
      tx.query(
        `update schedules set next_at = date_trunc('milliseconds', clock_timestamp() - $2 * interval '1 ms') where installation_id = $1`,
        [state.installationId, agoMs],
      ),
    );
  const commands = async (state: InstallationStateData) => {
    const rows = await db.system((tx) =>
      tx.query<{ headers: Record<string, string>; value: Buffer }[]>(
        'select headers, value from outbox where key = $1 order by id',
        [state.installationId],
      ),
    );
    return rows
      .filter(({ headers }) => headers['ce_type'] === ExecuteInBackground.type)
      .map(({ value }) => JSON.parse(value.toString()) as ExecuteCommand);
  };
  const end = (command: ExecuteCommand | undefined) =>
    db.system((tx) => tx.query(finishFiresSql, [[command?.executionId], ['succeeded']]));
  const row = async (state: InstallationStateData) =>
    (await schedules.jobs(state.tenantId, state.installationId)).get('hourly');

  beforeAll(async () => {
    database = await testDatabase([migrations]);
    db = await Database.connect({ url: database.url, service: 'scheduler', logger });
    const bus = { send: async () => {}, redeliver: async () => {} };
    outbox = new Outbox({ db, bus, logger });
    schedules = new Schedules(db, systemClock);
    loop = new ScheduleLoop(db, outbox, states, logger);
  });
  afterEach(() => known.clear());
  afterAll(async () => {
    await db.close();
    await database.drop();
  });

  it('fires a due job with its tick and its input and moves on to the next hour', async () => {
    const state = await due({ input: { depth: 2 } });

    await loop.tick();

    const [command, ...others] = await commands(state);
    expect(others).toEqual([]);
    expect(command).toMatchObject({
      trigger: 'job',
      triggerName: 'hourly',
      function: 'run',
      input: { depth: 2, job: 'hourly', dueAt: expect.any(String) as string },
    });
    expect((await row(state))?.nextAt?.getTime()).toBeGreaterThan(Date.now());
  });

  it('fires each of many due schedules once, whoever of three replicas takes them', async () => {
    const many = await Promise.all(Array.from({ length: 60 }, () => due()));
    const replicas = await Promise.all(
      [1, 2, 3].map(async () => {
        const own = await Database.connect({ url: database.url, service: 'scheduler', logger });
        const bus = { send: async () => {}, redeliver: async () => {} };
        return { own, loop: new ScheduleLoop(own, new Outbox({ db: own, bus, logger }), states, logger) };
      }),
    );

    await Promise.all(replicas.flatMap((replica) => [replica.loop.tick(), replica.loop.tick()]));

    const counts = await Promise.all(many.map(async (state) => (await commands(state)).length));
    expect(new Set(counts)).toEqual(new Set([1]));
    await Promise.all(replicas.map(({ own }) => own.close()));
  });

  it('never fires one due time twice, also when its row is set back', async () => {
    const state = await due();
    const { nextAt } = (await row(state)) ?? { nextAt: null };
    await loop.tick();
    await end((await commands(state))[0]);
    await db.system((tx) =>
      tx.query('update schedules set next_at = $2 where installation_id = $1', [
        state.installationId,
        nextAt,
      ]),
    );

    await loop.tick();

    expect(await commands(state)).toHaveLength(1);
  });

  it('leaves out a tick while the run before goes on', async () => {
    const state = await due();
    await loop.tick();
    await makeDue(state);

    await loop.tick();
    const during = await commands(state);
    await end(during[0]);
    await makeDue(state);
    await loop.tick();

    expect(during).toHaveLength(1);
    expect(await commands(state)).toHaveLength(2);
  });

  it('keeps a tick for the end of the run before when the job queues', async () => {
    const state = await due({ overlap: 'queue' });
    await loop.tick();
    await makeDue(state);

    await loop.tick();
    const during = await commands(state);
    await end(during[0]);
    await loop.tick();

    expect(during).toHaveLength(1);
    expect(await commands(state)).toHaveLength(2);
  });

  it('catches up once, or not at all, when nobody was there', async () => {
    const once = await due({}, 3 * 3_600_000);
    const skip = await due({ catchUp: 'skip' }, 3 * 3_600_000);

    await loop.tick();
    await loop.tick();

    expect(await commands(once)).toHaveLength(1);
    expect(await commands(skip)).toHaveLength(0);
    expect((await row(skip))?.nextAt?.getTime()).toBeGreaterThan(Date.now());
  });

  it('fires nothing while the installation is inactive or the job paused', async () => {
    const inactive = await due();
    await schedules.sync({ ...inactive, status: 'inactive', revision: 2 });
    const paused = await due();
    await schedules.pause(paused, hourly, true);
    await Promise.all([makeDue(inactive), makeDue(paused)]);

    await loop.tick();

    expect(await commands(inactive)).toEqual([]);
    expect(await commands(paused)).toEqual([]);
  });

  it('ignores a state older than the one it has', async () => {
    const state = await due();
    await schedules.sync({ ...state, revision: 3, jobs: [] });

    await schedules.sync({ ...state, revision: 2 });
    const late = await row(state);
    await schedules.sync({ ...state, revision: 4 });

    expect(late?.enabled ?? true).toBe(true);
    expect((await row(state))?.enabled).toBe(true);
  });

  it('keeps the due time of a job whose rule did not change', async () => {
    const state = await due({}, -120_000);
    const before = (await row(state))?.nextAt;

    await schedules.sync({ ...state, revision: 2 });
    const same = (await row(state))?.nextAt;
    await schedules.sync({ ...state, revision: 3, jobs: [{ ...hourly, schedule: '30 * * * *' }] });

    expect(same).toEqual(before);
    expect((await row(state))?.nextAt?.getUTCMinutes()).toBe(30);
  });
});
