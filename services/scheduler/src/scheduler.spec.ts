import { deadLetterHeaders, encodeCloudEvent, replayOf } from '@mortise/bus';
import { InstallationUninstalled, PluginState, type InstallationStateData } from '@mortise/contracts';
import { Partitions } from '@mortise/database';
import { newId } from '@mortise/service-kit';
import { until, installation } from '@mortise/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SchedulerUnderTest } from '../test/scheduler-under-test.js';

const structured = { 'content-type': 'application/cloudevents+json' };
const nightly = { name: 'nightly', schedule: '0 3 * * *', timezone: 'Europe/Berlin', function: 'run' };

describe('a scheduler', () => {
  let scheduler: SchedulerUnderTest;
  beforeAll(async () => {
    scheduler = await SchedulerUnderTest.start();
  });
  afterAll(() => scheduler.close());

  const commandsOf = (state: InstallationStateData) =>
    scheduler.commands.filter((command) => command.installationId === state.installationId);
  const event = (over: object = {}) => ({
    specversion: '1.0',
    id: newId(),
    source: '/shop',
    type: 'order.created',
    data: { total: 3 },
    ...over,
  });
  const publish = (tenantId: string, sent: object) =>
    scheduler.request('POST', '/events', tenantId, sent, structured);

  describe('given an event', () => {
    it('remembers it in a partition of its day, made by whoever starts first on that day', async () => {
      const inAMonth = Date.now() + 30 * 86_400_000;
      await scheduler.db.system((tx) => Partitions.dropOlderThan(tx, 'inbox', inAMonth));
      await scheduler.restart();
      const state = await scheduler.announce(
        installation({ events: [{ on: 'order.created', function: 'first' }] }),
      );
      await publish(state.tenantId, event());
      await until(() => commandsOf(state).length === 1, 'the command is queued');

      const rows = await scheduler.db.system((tx) =>
        tx.query<{ partition: string }[]>(
          'select tableoid::regclass::text as partition from inbox where tenant_id = $1',
          [state.tenantId],
        ),
      );
      expect(rows).toEqual([{ partition: expect.stringMatching(/inbox_p\d{8}$/) as string }]);
    });

    it('queues one execution for each function that subscribed to it', async () => {
      const state = await scheduler.announce(
        installation({
          events: [
            { on: ['order.created', 'order.*'], function: 'first' },
            { on: 'order.*', function: 'second' },
            { on: 'user.*', function: 'third' },
          ],
        }),
      );
      const sent = event({ subject: 'order/7' });

      const answer = await publish(state.tenantId, sent);

      expect(answer.status).toBe(202);
      expect(answer.body).toMatchObject({ id: sent.id, source: '/acme/mk_1a2b3c4d/%2Fshop' });
      const commands = await until(
        () => commandsOf(state).length === 2 && commandsOf(state),
        'two commands are queued',
      );
      expect(commands.map((command) => command.function).sort()).toEqual(['first', 'second']);
      expect(commands[0]).toMatchObject({
        tenantId: state.tenantId,
        trigger: 'event',
        triggerName: 'order.created',
        causationId: sent.id,
        acceptedAt: (answer.body as { acceptedAt: string }).acceptedAt,
        input: {
          specversion: '1.0',
          id: sent.id,
          source: '/acme/mk_1a2b3c4d/%2Fshop',
          type: 'order.created',
          subject: 'order/7',
          data: { total: 3 },
        },
      });
    });

    it('that comes again queues nothing more', async () => {
      const state = await scheduler.announce(installation({ events: [{ on: 'order.*', function: 'run' }] }));
      const acceptedAt = new Date().toISOString();
      const sent = { id: 'one', source: '/shop', type: 'order.paid', time: acceptedAt, data: {} };
      const record = encodeCloudEvent(
        { ...sent, acceptedAt, tenantId: state.tenantId },
        'platform-events',
        state.tenantId,
      );

      await scheduler.bus.send([record]);
      await scheduler.bus.send([record, record]);
      await publish(state.tenantId, event({ type: 'order.last' }));

      await until(
        () => commandsOf(state).some((command) => command.triggerName === 'order.last'),
        'a later event is queued',
      );
      expect(commandsOf(state).map((command) => command.triggerName)).toEqual(['order.paid', 'order.last']);
    });

    it('that is replayed from the dead letters queues nothing more, when it had worked after all', async () => {
      const state = await scheduler.announce(installation({ events: [{ on: 'order.*', function: 'run' }] }));
      const at = new Date().toISOString();
      const sent = { id: newId(), source: '/shop', type: 'order.paid', time: at, data: {} };
      const { tenantId } = state;
      const record = encodeCloudEvent({ ...sent, acceptedAt: at, tenantId }, 'platform-events', tenantId);
      await scheduler.bus.send([record]);
      const headers = {
        ...record.headers,
        [deadLetterHeaders.topic]: record.topic,
        [deadLetterHeaders.group]: 'scheduler',
      };

      const replay = replayOf({ ...record, topic: 'dead-letters.scheduler', headers });
      await scheduler.bus.send(replay ? [replay] : []);
      await publish(tenantId, event({ type: 'order.last' }));

      await until(() => commandsOf(state).length > 1, 'a later event is queued');
      expect(commandsOf(state).map(({ triggerName }) => triggerName)).toEqual(['order.paid', 'order.last']);
      expect(replay?.headers['ce_id']).toBe(sent.id);
    });

    it('with a time that none is holds up no other', async () => {
      const state = await scheduler.announce(installation({ events: [{ on: 'order.*', function: 'run' }] }));
      const { tenantId } = state;
      const of = (id: string, acceptedAt: string) =>
        encodeCloudEvent(
          { ...{ id, source: '/shop', type: 'order.paid', time: acceptedAt }, acceptedAt, tenantId },
          'platform-events',
          id,
        );

      await scheduler.bus.send([of('bad', 'yesterday'), of('good', new Date().toISOString())]);

      await until(() => commandsOf(state).length > 0, 'the other is queued');
      expect(commandsOf(state).map(({ causationId }) => causationId)).toEqual(['good']);
    });

    it("reaches the tenant's active installations only", async () => {
      const tenantId = newId();
      const hook = { events: [{ on: 'order.*', function: 'run' }] };
      const active = await scheduler.announce(installation({ tenantId, ...hook }));
      const inactive = await scheduler.announce(installation({ tenantId, status: 'inactive', ...hook }));
      const foreign = await scheduler.announce(installation(hook));
      const banned = await scheduler.announce(installation({ tenantId, ...hook, digest: 'e'.repeat(64) }));
      const { pluginId, publisher, slug, digest } = banned;
      const quarantined = [{ digest, reason: 'mines coins' }];
      await scheduler.bus.publish(PluginState, {
        ...{ pluginId, tenantId, publisher, slug, quarantined, revision: 1 },
      });

      await publish(tenantId, event());

      await until(() => commandsOf(active).length > 0, 'the active one is called');
      expect([inactive, foreign, banned].flatMap(commandsOf)).toEqual([]);
    });

    it('of a plugin goes on with its depth, and is cut when it is too deep', async () => {
      const state = await scheduler.announce(installation({ events: [{ on: 'chain.*', function: 'run' }] }));
      const link = (id: string, causationDepth: number) =>
        encodeCloudEvent(
          {
            ...{ id, source: '/plugins/acme/chain', type: 'chain.link', time: new Date().toISOString() },
            ...{ tenantId: state.tenantId, causationDepth, data: null },
          },
          'plugin-events',
          state.tenantId,
        );

      await scheduler.bus.send([link('a', 9), link('b', 8)]);

      const [command, ...others] = await until(
        () => commandsOf(state).length > 0 && commandsOf(state),
        'the link within the depth is queued',
      );
      expect(command).toMatchObject({ causationId: 'b', causationDepth: 8 });
      expect(others).toEqual([]);
    });

    it('that is wrong says where', async () => {
      const { type: _, ...untyped } = event();

      const invalid = await publish(newId(), untyped);
      const reserved = await publish(newId(), event({ type: 'plugin.uploaded' }));

      expect(invalid).toMatchObject({
        status: 422,
        body: { code: 'EVENT_INVALID', errors: [{ pointer: '/type' }] },
      });
      expect(reserved).toMatchObject({ status: 422, body: { code: 'EVENT_TYPE_RESERVED' } });
    });

    it('to test runs the hooks at once and shows what each gave', async () => {
      const state = await scheduler.announce(
        installation({
          events: [
            { on: 'order.*', function: 'good' },
            { on: 'order.created', function: 'bad' },
          ],
        }),
      );
      scheduler.answer = (body) =>
        body.function === 'good'
          ? { status: 'succeeded', result: JSON.stringify(body.input), durationMs: 3 }
          : { status: 'failed', error: { code: 'NO_STOCK', message: 'no stock' }, durationMs: 3 };

      const answer = await scheduler.request('POST', '/events/test', state.tenantId, {
        event_type: 'order.created',
        event_data: { total: 3 },
      });

      expect(answer).toMatchObject({
        status: 200,
        body: {
          type: 'order.created',
          runs: [
            {
              function: 'good',
              plugin: 'acme/sample',
              status: 'succeeded',
              result: { type: 'order.created', data: { total: 3 } },
            },
            { function: 'bad', status: 'failed', error: { code: 'NO_STOCK' } },
          ],
        },
      });
    });
  });

  describe('given jobs', () => {
    it('shows them with their next run and runs one now', async () => {
      const state = await scheduler.announce(installation({ jobs: [{ ...nightly, input: { depth: 2 } }] }));

      const list = await scheduler.request(
        'GET',
        `/installations/${state.installationId}/jobs`,
        state.tenantId,
      );
      const run = await scheduler.request(
        'POST',
        `/installations/${state.installationId}/jobs/nightly/run-now`,
        state.tenantId,
      );
      const byPlugin = await scheduler.request(
        'POST',
        '/plugins/acme%2Fsample/jobs/nightly/run-now',
        state.tenantId,
      );

      expect(list.body).toMatchObject({
        data: [{ name: 'nightly', timezone: 'Europe/Berlin', enabled: true, lastAt: null }],
      });
      expect([run.status, byPlugin.status]).toEqual([202, 202]);
      const { executionId } = run.body as { executionId: string };
      expect(run.headers.get('location')).toBe(`/api/v1/executions/${executionId}`);
      const command = await until(
        () => scheduler.commands.find((queued) => queued.executionId === executionId),
        'the job is queued',
      );
      expect(command).toMatchObject({ trigger: 'job', triggerName: 'nightly', input: { depth: 2 } });
    });

    it('pauses and resumes one', async () => {
      const state = await scheduler.announce(installation({ jobs: [nightly] }));
      const path = `/installations/${state.installationId}/jobs/nightly`;

      const paused = await scheduler.request('PATCH', path, state.tenantId, { enabled: false });
      const resumed = await scheduler.request('PATCH', path, state.tenantId, { enabled: true });

      expect(paused).toMatchObject({ status: 200, body: { enabled: false, nextAt: null } });
      expect(resumed).toMatchObject({ body: { enabled: true, nextAt: expect.any(String) as string } });
    });

    it('refuses what is not there, not active or not theirs', async () => {
      const state = await scheduler.announce(installation({ jobs: [nightly], status: 'inactive' }));
      const run = (id: string, job: string, tenantId: string) =>
        scheduler.request('POST', `/installations/${id}/jobs/${job}/run-now`, tenantId);
      const { installationId, tenantId } = state;

      const answers = await Promise.all([
        run(installationId, 'nightly', tenantId),
        run(installationId, 'nightly', newId()),
        run('no-id', 'nightly', tenantId),
      ]);
      await scheduler.announce({ ...state, status: 'active', revision: 2 });
      answers.push(await run(installationId, 'weekly', tenantId));

      expect(answers.map((answer) => [answer.status, (answer.body as { code: string }).code])).toEqual([
        [409, 'NOT_ACTIVE'],
        [404, 'INSTALLATION_NOT_FOUND'],
        [404, 'INSTALLATION_NOT_FOUND'],
        [404, 'JOB_NOT_FOUND'],
      ]);
    });

    it('fires them when they are due', async () => {
      const state = await scheduler.announce(installation({ jobs: [{ ...nightly, overlap: 'queue' }] }));
      await until(async () => {
        const rows = await scheduler.db.system((tx) =>
          tx.query<unknown[]>(
            `with due as (update schedules set next_at = clock_timestamp() where installation_id = $1 returning id)
             select * from due`,
            [state.installationId],
          ),
        );
        return rows.length > 0;
      }, 'the schedule is there');

      const [command] = await until(
        () => commandsOf(state).length > 0 && commandsOf(state),
        'the job has fired',
      );

      expect(command).toMatchObject({ trigger: 'job', triggerName: 'nightly', attempt: 1 });
    });

    it('drops them with their installation', async () => {
      const state = await scheduler.announce(installation({ jobs: [nightly] }));
      const rows = () =>
        scheduler.db.system((tx) =>
          tx.query<unknown[]>('select from schedules where installation_id = $1', [state.installationId]),
        );
      await until(async () => (await rows()).length === 1, 'the schedule is there');
      const { installationId, tenantId, pluginId, versionId, version } = state;

      await scheduler.bus.publish(InstallationUninstalled, {
        ...{ installationId, tenantId, pluginId, versionId, version, revision: 2 },
        ...{ status: 'uninstalled', actor: 'key:test', at: new Date().toISOString() },
      });

      expect(await rows()).toEqual([]);
    });
  });
});
