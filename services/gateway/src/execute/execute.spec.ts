import { Bus, busEnv, decodeEvent } from '@mortise/bus';
import { ExecutionTimedOut, headers, uuidTime, type ExecutionData } from '@mortise/contracts';
import { createLogger, defineEnv, loadEnv, newId, scrape } from '@mortise/service-kit';
import { until } from '@mortise/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Ground, problemOf, type Executor } from '../../test/ground.js';

describe('POST /installations/{id}/execute', () => {
  let ground: Ground;
  let usual: Executor;
  beforeAll(async () => {
    ground = await Ground.start();
    usual = ground.executor;
  });
  afterAll(() => ground.close());
  afterEach(() => {
    ground.executor = usual;
  });
  const path = (id: string) => `/api/v1/installations/${id}/execute`;
  const execute = (id: string, body: unknown, more: Record<string, string> = {}) =>
    ground.call('POST', path(id), body, more);

  it("hands the caller's text to an executor and the result's text back", async () => {
    const { installationId } = await ground.installation({ revision: 4 });
    let sent = '';
    let command: Record<string, string> = {};
    ground.executor = (record) => {
      sent = record.value?.toString() ?? '';
      command = record.headers;
      return { status: 'succeeded', result: '{"big":12345678901234567890, "s":"ü"}', durationMs: 12 };
    };
    const body = '{ "function":"greet",  "input":{"n":12345678901234567890} }';

    const answer = await execute(installationId, body);
    const text = await answer.text();

    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(text).toContain('"result":{"big":12345678901234567890, "s":"ü"}');
    expect(JSON.parse(text)).toMatchObject({ status: 'succeeded', durationMs: 12 });
    expect(sent).toBe(body);
    expect(command).toMatchObject({
      [headers.command]: 'execute',
      [headers.tenantId]: ground.tenantId,
      [headers.installationId]: installationId,
      [headers.revision]: '4',
      [headers.trigger]: 'call',
    });
    const { executionId } = JSON.parse(text) as { executionId: string };
    const acceptedAt = Date.parse(command[headers.acceptedAt] ?? '');
    expect(command[headers.executionId]).toBe(executionId);
    expect(uuidTime(executionId)).toBe(acceptedAt);
    expect(Number(command[headers.deadline])).toBe(acceptedAt + 5_000);
    expect(command[headers.traceparent]).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  });

  it("gives a function the time its limits name, the caller's traceparent and the raised maximum at most", async () => {
    const { installationId } = await ground.installation({
      limits: { timeoutMs: 900_000 },
      functions: { long: {}, short: { limits: { timeoutMs: 700 } } },
    });
    const allowed: number[] = [];
    ground.executor = ({ headers: sent }) => {
      allowed.push(Number(sent[headers.deadline]) - Date.parse(sent[headers.acceptedAt] ?? ''));
      return { status: 'succeeded', result: 'null', durationMs: 0 };
    };

    await execute(installationId, { function: 'long' });
    await execute(installationId, { function: 'short' });

    expect(allowed).toEqual([30_000, 700]);
  });

  it.each([
    ['', 400, 'INVALID_JSON'],
    ['{"input":', 400, 'INVALID_JSON'],
    ['[]', 400, 'INVALID_JSON'],
    [`{"input":${'['.repeat(64)}${']'.repeat(64)}}`, 400, 'JSON_TOO_DEEP'],
    [`{"input":"${'x'.repeat(1_048_576)}"}`, 413, 'BODY_TOO_LARGE'],
    ['{"inputs":1}', 400, 'INVALID_REQUEST'],
    ['{"function":"nope"}', 422, 'FUNCTION_NOT_FOUND'],
    ['{"function":"constructor"}', 422, 'FUNCTION_NOT_FOUND'],
  ])('refuses the body %.20j with %i %s', async (body, status, code) => {
    const { installationId } = await ground.installation();

    expect(await ground.refusal(execute(installationId, body))).toEqual({ status, code });
  });

  it('refuses other content types', async () => {
    const { installationId } = await ground.installation();

    expect(
      await ground.refusal(execute(installationId, 'input=1', { 'content-type': 'text/plain' })),
    ).toEqual({ status: 415, code: 'UNSUPPORTED_MEDIA_TYPE' });
  });

  it('knows no installation of another tenant, nor an unknown or removed one', async () => {
    const { id: tenantId } = await ground.tenant('neighbour');
    const foreign = await ground.installation({ tenantId });
    const gone = await ground.installation();
    await ground.installation({ ...gone, status: 'uninstalled', revision: 2 });
    const refused = { status: 404, code: 'INSTALLATION_NOT_FOUND' };

    expect(await ground.refusal(execute(foreign.installationId, {}))).toEqual(refused);
    expect(await ground.refusal(execute(newId(), {}))).toEqual(refused);
    expect(await ground.refusal(execute('__proto__', {}))).toEqual(refused);
    expect(await ground.refusal(execute(gone.installationId, {}))).toEqual(refused);
  });

  it('refuses what is not active, and what is quarantined, until it is released', async () => {
    const inactive = await ground.installation({ status: 'inactive' });
    const { installationId, pluginId, digest } = await ground.installation();
    const plugin = { pluginId, tenantId: ground.tenantId, publisher: 'demo', slug: 'x' };
    await ground.plugin({ ...plugin, quarantined: [{ digest, reason: 'mines coins' }], revision: 1 });

    const refused = await problemOf(await execute(installationId, {}));
    await ground.plugin({ ...plugin, quarantined: [], revision: 2 });

    expect(await ground.refusal(execute(inactive.installationId, {}))).toEqual({
      status: 409,
      code: 'NOT_ACTIVE',
    });
    expect(refused).toMatchObject({ status: 423, problem: { code: 'QUARANTINED' } });
    expect(refused.problem.detail).toContain('mines coins');
    expect((await execute(installationId, {})).status).toBe(200);
  });

  it('caps the calls of one installation at the same time', async () => {
    const { installationId } = await ground.installation({ limits: { concurrency: 2 } });
    const other = await ground.installation();
    const waiting: (() => void)[] = [];
    ground.executor = () =>
      new Promise((resolve) =>
        waiting.push(() => resolve({ status: 'succeeded', result: '1', durationMs: 1 })),
      );
    const underway = [execute(installationId, {}), execute(installationId, {})];
    await until(() => waiting.length === 2, 'two calls are under way');

    const third = await execute(installationId, {});
    const elsewhere = execute(other.installationId, {});
    await until(() => waiting.length === 3, 'the other installation runs');
    for (const finish of waiting) finish();

    expect(third.headers.get('retry-after')).toBe('1');
    expect(await ground.refusal(third)).toEqual({ status: 429, code: 'OVER_QUOTA' });
    expect((await elsewhere).status).toBe(200);
    expect((await Promise.all(underway)).map(({ status }) => status)).toEqual([200, 200]);
    ground.executor = usual;
    expect((await execute(installationId, {})).status).toBe(200);
  });

  it.each([
    ['failed', 422, 'EXECUTION_FAILED'],
    ['timed_out', 504, 'EXECUTION_TIMED_OUT'],
    ['out_of_memory', 507, 'OUT_OF_MEMORY'],
    ['denied', 403, 'PERMISSION_DENIED'],
    ['security_violation', 403, 'SECURITY_VIOLATION'],
    ['cancelled', 409, 'EXECUTION_CANCELLED'],
  ] as const)('answers %s as %i %s with the execution id', async (status, http, code) => {
    const { installationId } = await ground.installation();
    let executionId: string | undefined;
    ground.executor = (command) => {
      executionId = command.headers[headers.executionId];
      const error = { code: 'E_MINE', message: 'no luck', stack: 'at greet (main.js:3:1)' };
      return { status, error, durationMs: 2 };
    };

    const answer = await problemOf(await execute(installationId, {}));

    expect(answer).toMatchObject({ status: http, problem: { code, executionId } });
    expect(answer.problem.details).toMatchObject({
      code: 'E_MINE',
      message: 'no luck',
      stack: 'at greet (main.js:3:1)',
    });
  });

  it.each(['', 'constructor', 'running', 'x'.repeat(500)])(
    'answers 503 to a reply with the status %.20j, and makes no series of metrics of it',
    async (status) => {
      const { installationId } = await ground.installation();
      ground.executor = () => ({
        status: status as 'failed',
        error: { code: 'E', message: 'm' },
        durationMs: 1,
      });

      const answer = await execute(installationId, {});

      expect(await ground.refusal(answer)).toEqual({ status: 503, code: 'UNAVAILABLE' });
      const series = [...(await scrape()).matchAll(/^mortise_gateway_executions_total\{status="(.*)"\}/gm)];
      expect(series.map(([, label]) => label)).not.toContain(status);
    },
  );

  it('answers what an executor refused to run', async () => {
    const { installationId } = await ground.installation();
    ground.executor = () => ({ status: 'refused', refusal: { code: 'NO_CAPACITY' } });

    const answer = await execute(installationId, {});

    expect(answer.headers.get('retry-after')).toBe('1');
    expect(await ground.refusal(answer)).toEqual({ status: 503, code: 'NO_CAPACITY' });
  });

  it('answers within 250 ms of the deadline when nobody does, and sees to a record', async () => {
    const state = await ground.installation({ limits: { timeoutMs: 300 } });
    const recorded: ExecutionData[] = [];
    const registry = Bus.create({
      service: 'registry',
      instanceId: 'registry-2',
      env: loadEnv(defineEnv(busEnv), {}),
      broker: ground.broker,
      logger: createLogger({ service: 'test', level: 'silent' }),
    });
    registry.consume({
      topic: 'execution-events',
      handler: async (record) => void recorded.push(decodeEvent(ExecutionTimedOut, record).data),
    });
    await registry.start();
    let acceptedAt = 0;
    ground.executor = (command) => {
      acceptedAt = Date.parse(command.headers[headers.acceptedAt] ?? '');
      return undefined;
    };

    const answer = await problemOf(await execute(state.installationId, { function: 'greet' }));
    const tookMs = Date.now() - acceptedAt;

    expect(answer).toMatchObject({ status: 504, problem: { code: 'NO_ANSWER' } });
    expect(tookMs).toBeGreaterThanOrEqual(300);
    expect(tookMs).toBeLessThan(300 + 250);
    await until(() => recorded.length > 0, 'the timeout is recorded');
    expect(recorded).toEqual([
      expect.objectContaining({
        executionId: answer.problem.executionId,
        installationId: state.installationId,
        function: 'greet',
        status: 'timed_out',
        acceptedAt: new Date(acceptedAt).toISOString(),
        error: expect.objectContaining({ code: 'NO_ANSWER' }),
      }),
    ]);
    await registry.close();
  });

  it('hands a call that prefers not to wait to the registry', async () => {
    const { installationId } = await ground.installation();

    const answer = await execute(installationId, '{"input":1}', { prefer: 'wait=1, respond-async' });

    expect(answer.headers.get('preference-applied')).toBe('respond-async');
    expect(ground.registry.last).toMatchObject({
      method: 'POST',
      url: `/api/v1/installations/${installationId}/executions`,
    });
    expect(ground.registry.last.body.toString()).toBe('{"input":1}');
  });
});

describe('POST /plugins/{plugin}/execute', () => {
  let ground: Ground;
  beforeAll(async () => {
    ground = await Ground.start();
  });
  afterAll(() => ground.close());
  const execute = (plugin: string, body?: unknown) =>
    ground.call('POST', `/api/v1/plugins/${encodeURIComponent(plugin)}/execute`, body);

  it("finds this tenant's installation by slug, by publisher/slug and by id", async () => {
    const { slug, pluginId } = await ground.installation();

    for (const plugin of [slug, `demo/${slug}`, pluginId])
      expect(await (await execute(plugin, { input: { a: 1 } })).json()).toMatchObject({
        status: 'success',
        result: { input: { a: 1 } },
        execution_time_ms: 3,
      });
  });

  it('knows no plugin that this tenant has not installed', async () => {
    const { id: tenantId } = await ground.tenant('neighbour');
    const { slug } = await ground.installation({ tenantId });

    expect(await ground.refusal(execute(slug, {}))).toEqual({ status: 404, code: 'INSTALLATION_NOT_FOUND' });
  });

  it('forgives an empty body and unknown properties', async () => {
    const { slug } = await ground.installation();

    expect((await execute(slug)).status).toBe(200);
    expect((await execute(slug, { plugin_id: slug, input: 1 })).status).toBe(200);
  });

  it('says how an execution failed in the older words, with the status of the canonical route', async () => {
    const { slug } = await ground.installation();
    ground.executor = () => ({
      status: 'timed_out',
      error: { code: 'EXECUTION_TIMED_OUT', message: 'too slow' },
      durationMs: 5_000,
    });

    const answer = await execute(slug, {});

    expect(answer.status).toBe(504);
    expect(await answer.json()).toMatchObject({ status: 'timeout', result: null, execution_time_ms: 5_000 });
  });
});
