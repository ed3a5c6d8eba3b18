import { encodeEvent } from '@mortise/bus';
import {
  Control,
  ExecuteInBackground,
  InstallationUninstalled,
  PluginState,
  type ExecuteCommand,
  type InstallationStateData,
} from '@mortise/contracts';
import { newId } from '@mortise/service-kit';
import { until } from '@mortise/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { command } from '../test/builders.js';
import { ExecutorUnderTest } from '../test/executor-under-test.js';

const echo = 'export const run = (input) => input;';
const forever = 'export const run = () => new Promise((resolve) => setTimeout(resolve, 60_000));';

describe('an executor', () => {
  let executor: ExecutorUnderTest;
  beforeAll(async () => {
    executor = await ExecutorUnderTest.start();
  });
  afterAll(() => executor.close());

  const queue = (of: ExecuteCommand) => executor.bus.send([encodeEvent(ExecuteInBackground, of)]);
  const rows = (sql: string, values: unknown[]) =>
    executor.db.system((tx) => tx.query<Record<string, unknown>[]>(sql, values));
  const claimed = (of: ExecuteCommand) =>
    until(
      async () => (await rows('select from runs where execution_id = $1', [of.executionId])).length > 0,
      'the run is claimed',
    );
  const cancel = (state: InstallationStateData, executionId: string) =>
    executor.ask('cancel', state.installationId, {
      executionId,
      tenantId: state.tenantId,
      installationId: state.installationId,
      acceptedAt: new Date().toISOString(),
      function: 'run',
      pluginId: state.pluginId,
      version: state.version,
      trigger: 'call',
      attempt: 1,
    });

  describe('asked for an answer', () => {
    it('runs the function and tells of it after the answer', async () => {
      const state = await executor.install(
        `export const run = (input, ctx) => { ctx.log.info('hello', { n: input.n }); return { twice: input.n * 2 }; };`,
      );
      const executionId = newId();

      const reply = await executor.execute(state, { function: 'run', input: { n: 21 } }, { executionId });

      expect(reply).toMatchObject({ status: 'succeeded', result: '{"twice":42}' });
      expect(await executor.event(executionId, 'succeeded')).toMatchObject({
        function: 'run',
        trigger: 'call',
        attempt: 1,
        result: '{"twice":42}',
        usage: { wallMs: expect.any(Number) as number },
      });
      const line = await until(() => executor.logs.find((log) => log.message === 'hello'), 'the log line');
      expect(line).toMatchObject({ level: 'info', fields: { n: 21 }, sequence: 0 });
    });

    it('refuses what may not run and keeps no record of it', async () => {
      const inactive = await executor.install(echo, { status: 'inactive' });
      const strict = await executor.install(echo, {
        functions: { run: { input: { type: 'object', required: ['name'] } } },
      });
      const refusals = await Promise.all([
        executor.execute(inactive),
        executor.execute(strict, { function: 'nope' }),
        executor.execute(strict, { input: {} }),
        executor.execute(strict, '{"input":'),
        executor.execute(strict, `{"input":${'['.repeat(70)}${']'.repeat(70)}}`),
        executor.execute({ ...strict, tenantId: newId() }),
      ]);

      expect(refusals.map((reply) => reply.status === 'refused' && reply.refusal.code)).toEqual([
        'NOT_ACTIVE',
        'FUNCTION_NOT_FOUND',
        'INPUT_INVALID',
        'INVALID_JSON',
        'JSON_TOO_DEEP',
        'INSTALLATION_NOT_FOUND',
      ]);
      expect(refusals[2]).toMatchObject({ refusal: { errors: [{ pointer: '', rule: 'required' }] } });
      expect(executor.events.filter((data) => data.installationId === strict.installationId)).toEqual([]);
    });

    it('waits for the state that the command asks for', async () => {
      const state = await executor.install(echo, { status: 'installed' });

      const asked = executor.execute({ ...state, revision: 2 }, { input: 'now' });
      await executor.announce({ ...state, status: 'active', revision: 2 });

      expect(await asked).toMatchObject({ status: 'succeeded', result: '"now"' });
    });

    it('says nothing to a command past its deadline', async () => {
      const state = await executor.install(echo);
      const executionId = newId();

      const asked = executor.execute(state, {}, { executionId, deadline: Date.now() - 500 });

      await expect(asked).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
      expect(executor.events.filter((data) => data.executionId === executionId)).toEqual([]);
    });

    it('names failures, time and memory for what they are', async () => {
      const state = await executor.install(
        `export const fails = () => { throw Object.assign(new Error('no stock'), { code: 'NO_STOCK' }); };
         export const spins = () => { for (;;); };`,
        { functions: { fails: {}, spins: { limits: { timeoutMs: 300 } } } },
      );

      const failed = await executor.execute(state, { function: 'fails' });
      const spun = await executor.execute(state, { function: 'spins' });

      expect(failed).toMatchObject({ status: 'failed', error: { code: 'NO_STOCK', message: 'no stock' } });
      expect(spun).toMatchObject({ status: 'timed_out', error: { code: 'EXECUTION_TIMED_OUT' } });
      await until(
        () => executor.evidence.some((record) => record.value?.includes(state.pluginId)),
        'plugin.limit_exceeded',
      );
    });

    it('starts fresh after any change of the installation', async () => {
      const state = await executor.install('let n = 0; export const run = () => ++n;');
      const counts = [await executor.execute(state), await executor.execute(state)];

      await executor.announce({ ...state, revision: 2, config: { a: 1 } });
      counts.push(await executor.execute({ ...state, revision: 2 }));

      expect(counts.map((reply) => reply.status === 'succeeded' && reply.result)).toEqual(['1', '2', '1']);
    });
  });

  describe('giving plugins their capabilities', () => {
    it('hands out secrets, masks them everywhere and asks for them once', async () => {
      const state = await executor.install(
        `export const run = async (_, ctx) => {
           const key = await ctx.secrets.get('API_KEY');
           ctx.log('the key is ' + key);
           await ctx.events.emit('sample.told', { key });
           return { key };
         };`,
        { secretKeys: ['API_KEY'], secretsRevision: 1 },
      );
      executor.secrets.set(state.installationId, { API_KEY: 'sk-very-secret' });
      const before = executor.secretReads;

      const reply = await executor.execute(state);
      await executor.execute(state);

      expect(reply).toMatchObject({ status: 'succeeded', result: '{"key":"***"}' });
      await until(() => executor.logs.some((log) => log.message === 'the key is ***'), 'the masked line');
      const event = await until(() => executor.pluginEvents.at(-1), 'the event');
      expect(event.value?.toString()).toBe('{"key":"***"}');
      expect(event.headers['ce_type']).toBe('sample.told');
      expect(executor.secretReads - before).toBe(1);
    });

    it('keeps storage until the uninstall that drops it', async () => {
      const state = await executor.install(
        `export const run = async (_, ctx) => {
           const n = ((await ctx.storage.get('n')) ?? 0) + 1;
           await ctx.storage.set('n', n);
           return n;
         };`,
      );
      const counts = [await executor.execute(state), await executor.execute(state)];
      const { installationId, tenantId, pluginId, versionId, version } = state;

      await executor.bus.publish(InstallationUninstalled, {
        ...{ installationId, tenantId, pluginId, versionId, version, revision: 2 },
        ...{ status: 'uninstalled', actor: 'key:test', at: new Date().toISOString(), keepData: false },
      });

      expect(counts.map((reply) => reply.status === 'succeeded' && reply.result)).toEqual(['1', '2']);
      await until(
        async () =>
          (await rows('select from storage_entries where installation_id = $1', [installationId])).length ===
          0,
        'the storage is gone',
      );
    });

    it('calls what the manifest never asked for a violation and reports it', async () => {
      const state = await executor.install(
        `export const run = async (_, ctx) => { try { await ctx.secrets.get('OTHER'); } catch {} return 'got away'; };`,
        { secretKeys: ['MINE'] },
      );

      const reply = await executor.execute(state);

      expect(reply.status).toBe('security_violation');
      await until(
        () =>
          executor.evidence.some(
            (record) =>
              record.headers['ce_type'] === 'security.violation' && record.value?.includes(state.pluginId),
          ),
        'security.violation',
      );
    });
  });

  describe('stopping what runs', () => {
    const start = async (state: InstallationStateData) => {
      const executionId = newId();
      const reply = executor.execute(state, {}, { executionId });
      await executor.event(executionId, 'running');
      return { executionId, reply };
    };

    it('cancels a run that somebody waits for', async () => {
      const state = await executor.install(forever);
      const { executionId, reply } = await start(state);

      expect(await cancel(state, executionId)).toEqual({ outcome: 'killing' });
      expect(await reply).toMatchObject({ status: 'cancelled', error: { code: 'EXECUTION_CANCELLED' } });
    });

    it('kills what control names', async () => {
      const state = await executor.install(forever);
      const { executionId, reply } = await start(state);

      await executor.bus.publish(Control, { action: 'kill', target: executionId });

      expect((await reply).status).toBe('cancelled');
    });

    it('stops a quarantined version where it runs and refuses it from then on', async () => {
      const state = await executor.install(forever);
      const { reply } = await start(state);
      const { pluginId, tenantId, publisher, slug, digest } = state;
      const plugin = { pluginId, tenantId, publisher, slug };
      const since = Date.now();

      await executor.bus.publish(PluginState, {
        ...plugin,
        quarantined: [{ digest, reason: 'mines coins' }],
        revision: 1,
      });

      expect(await reply).toMatchObject({ status: 'denied', error: { code: 'QUARANTINED' } });
      expect(Date.now() - since).toBeLessThan(2_000);
      expect(await executor.execute(state)).toMatchObject({ refusal: { code: 'QUARANTINED' } });
      await executor.bus.publish(PluginState, { ...plugin, quarantined: [], revision: 2 });
      await executor.announce({ ...state, revision: 2, functions: { run: { limits: { timeoutMs: 200 } } } });
      expect((await executor.execute({ ...state, revision: 2 })).status).toBe('timed_out');
    });
  });

  describe('running in the background', () => {
    const counting = `export const run = async (_, ctx) => {
      const n = ((await ctx.storage.get('n')) ?? 0) + 1;
      await ctx.storage.set('n', n);
      return n;
    };`;

    it('writes the outcome before it tells of it', async () => {
      const state = await executor.install(counting);
      const queued = command(state);

      await queue(queued);

      expect(await executor.event(queued.executionId, 'succeeded')).toMatchObject({ result: '1' });
      const [run] = await rows('select outcome, fence from runs where execution_id = $1', [
        queued.executionId,
      ]);
      expect(run).toMatchObject({ fence: 1, outcome: { status: 'succeeded', result: '1' } });
    });

    it('tells again instead of running again when a finished command comes back', async () => {
      const state = await executor.install(counting);
      const queued = command(state);
      const gate = Promise.withResolvers<void>();
      // The outcome stands, its publish does not end: what a process that dies here leaves behind.
      executor.projecting = (data) =>
        data.executionId === queued.executionId ? gate.promise : Promise.resolve();
      const first = queue(queued);
      await executor.event(queued.executionId, 'succeeded');

      executor.projecting = async () => {};
      const second = queue(queued);
      gate.resolve();
      await Promise.all([first, second]);

      const told = await until(() => {
        const all = executor.events.filter((data) => data.executionId === queued.executionId);
        return all.length === 2 && all;
      }, 'the outcome is told twice');
      expect(told.map((data) => data.result)).toEqual(['1', '1']);
    });

    it('waits for the lease of an owner that died and then runs', async () => {
      const state = await executor.install(counting);
      const queued = command(state);
      await rows(
        `insert into runs (tenant_id, execution_id, attempt, installation_id, owner, lease_until)
         values ($1, $2, 1, $3, 'dead', clock_timestamp() + interval '400 ms')`,
        [state.tenantId, queued.executionId, state.installationId],
      );

      await queue(queued);

      expect(await executor.event(queued.executionId, 'succeeded')).toMatchObject({ result: '1' });
      const [run] = await rows('select fence from runs where execution_id = $1', [queued.executionId]);
      expect(run).toEqual({ fence: 2 });
    });

    it('gives up a run that another process has taken over', async () => {
      const state = await executor.install(forever);
      const queued = command(state);
      const queuing = queue(queued);
      await claimed(queued);
      await executor.event(queued.executionId, 'running');

      await rows(`update runs set fence = fence + 1, owner = 'other' where execution_id = $1`, [
        queued.executionId,
      ]);
      await queuing;

      expect(
        executor.events.filter((data) => data.executionId === queued.executionId).map((data) => data.status),
      ).toEqual(['running']);
    });

    it('tries a failure again as the manifest says', async () => {
      const state = await executor.install(
        `export const run = async (_, ctx) => { if (ctx.attempt < 3) throw new Error('not yet'); return ctx.attempt; };`,
        { functions: { run: { retry: { maxAttempts: 3, backoff: 'fixed', initialMs: 10 } } } },
      );
      const queued = command(state);

      await queue(queued);

      expect(await executor.event(queued.executionId, 'succeeded')).toMatchObject({
        attempt: 3,
        result: '3',
      });
      const retries = executor.events.filter(
        (data) => data.executionId === queued.executionId && data.status === 'queued',
      );
      expect(retries).toMatchObject([
        { attempt: 2, error: { message: 'not yet' }, nextAttemptAt: expect.any(String) as string },
        { attempt: 3 },
      ]);
    });

    it('ends what may not run with the reason', async () => {
      const inactive = await executor.install(echo, { status: 'inactive' });
      const gone = { ...inactive, installationId: newId() };
      const [denied, lost] = [command(inactive), command(gone)];

      await Promise.all([queue(denied), queue(lost)]);

      expect(await executor.event(denied.executionId, 'denied')).toMatchObject({
        error: { code: 'NOT_ACTIVE' },
      });
      expect(await executor.event(lost.executionId, 'failed')).toMatchObject({
        error: { code: 'INSTALLATION_NOT_FOUND' },
      });
    });

    it('never starts what was cancelled first', async () => {
      const state = await executor.install(counting);
      const queued = command(state);

      const answer = await cancel(state, queued.executionId);
      await queue(queued);

      expect(answer).toEqual({ outcome: 'cancelled' });
      expect(await cancel(state, queued.executionId)).toEqual({ outcome: 'ended' });
      const told = executor.events.filter((data) => data.executionId === queued.executionId);
      expect(new Set(told.map((data) => data.status))).toEqual(new Set(['cancelled']));
    });

    it('stops what is cancelled while it runs', async () => {
      const state = await executor.install(forever);
      const queued = command(state);
      const queuing = queue(queued);
      await executor.event(queued.executionId, 'running');

      const answer = await cancel(state, queued.executionId);
      await queuing;

      expect(answer).toEqual({ outcome: 'killing' });
      expect((await executor.event(queued.executionId, 'cancelled')).attempt).toBe(1);
    });
  });

  it('inspects a staged package without any capability', async () => {
    const digest = await executor.store('staging', echo);
    const broken = await executor.store('staging', 'export const run = (;');
    const inspect = (of: string, functions: string[]) =>
      executor.ask('inspect', of, { digest: of, object: `staging/${of}`, main: 'main.js', functions });

    expect(await inspect(digest, ['run'])).toMatchObject({ ok: true });
    expect(await inspect(digest, ['run', 'other'])).toMatchObject({ ok: false, missing: ['other'] });
    expect(await inspect(broken, ['run'])).toMatchObject({ ok: false, error: { line: 1 } });
  });

  it('says that it is ready, and which walls stand', async () => {
    const answer = await fetch(`${executor.url}/readyz`);

    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ ok: true, details: { walls: expect.any(Object) as object } });
  });
});
