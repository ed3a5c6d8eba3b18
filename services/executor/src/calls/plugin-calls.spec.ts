import type { InstallationStateData, ManifestFunction } from '@mortise/contracts';
import { newId } from '@mortise/service-kit';
import { until } from '@mortise/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ExecutorUnderTest } from '../../test/executor-under-test.js';

const permission = 'plugins:call';
const open: Record<string, ManifestFunction> = { run: { expose: ['api', 'plugins'] } };
/** Calls what its input names. */
const caller = `export const run = async ({ plugin, name = 'run', input }, ctx) => {
  try { return await ctx.plugins.call(plugin, name, input) } catch (error) { return { code: error.code, details: error.details } }
};`;

describe('plugins that call plugins', () => {
  let executor: ExecutorUnderTest;
  beforeAll(async () => {
    executor = await ExecutorUnderTest.start({
      EXECUTOR_INTERACTIVE_SLOTS: '2',
      EXECUTOR_TENANT_PERCENT: '100',
    });
  });
  afterAll(() => executor.close());

  const install = (code: string, over: Partial<InstallationStateData>) =>
    executor.install(code, { slug: `p-${newId()}`, functions: open, ...over });
  const installCaller = (tenantId: string) =>
    install(caller, { tenantId, requested: [permission], grants: [{ permission }] });
  const run = async (by: InstallationStateData, input: object, over = {}) => {
    const reply = await executor.execute(by, { input }, over);
    return reply.status === 'succeeded' ? (JSON.parse(reply.result) as unknown) : reply;
  };

  it('get the result, and the called run is recorded as caused by them', async () => {
    const tenantId = newId();
    const callee = await install('export const run = (input, ctx) => ({ got: input, by: ctx.trigger })', {
      tenantId,
    });
    const by = await installCaller(tenantId);
    const executionId = newId();

    const result = await run(by, { plugin: `acme/${callee.slug}`, input: [1] }, { executionId });

    expect(result).toEqual({
      got: [1],
      by: expect.objectContaining({ kind: 'plugin', name: `acme/${by.slug}` }) as object,
    });
    const record = await until(
      () => executor.events.find((event) => event.installationId === callee.installationId),
      'the record of the called run',
    );
    expect(record).toMatchObject({ trigger: 'plugin', causationId: executionId, status: 'succeeded' });
  });

  it('learn why there is no result: nothing of that name, not exposed, another tenant, or an error', async () => {
    const tenantId = newId();
    const by = await installCaller(tenantId);
    const closed = await install('export const run = () => 1', { tenantId, functions: { run: {} } });
    const foreign = await install('export const run = () => 1', { tenantId: newId() });
    const failing = await install(
      `export const run = () => { throw Object.assign(new Error('no'), { code: 'OUT_OF_STOCK' }) }`,
      { tenantId },
    );

    expect(await run(by, { plugin: 'nothing' })).toMatchObject({ code: 'PLUGIN_NOT_FOUND' });
    expect(await run(by, { plugin: foreign.slug })).toMatchObject({ code: 'PLUGIN_NOT_FOUND' });
    expect(await run(by, { plugin: `evil/${closed.slug}` })).toMatchObject({ code: 'PLUGIN_NOT_FOUND' });
    expect(await run(by, { plugin: closed.slug })).toMatchObject({ code: 'FUNCTION_NOT_FOUND' });
    expect(await run(by, { plugin: failing.slug })).toMatchObject({
      code: 'PLUGIN_CALL_FAILED',
      details: { cause: { status: 'failed', code: 'OUT_OF_STOCK', message: 'no' } },
    });
  });

  it('never fill a lane with runs that wait for runs', async () => {
    const tenantId = newId();
    const callee = await install(
      'export const run = (n) => new Promise((done) => setTimeout(() => done(n), 50))',
      { tenantId },
    );
    const by = await installCaller(tenantId);

    // As many callers as there are slots.
    const results = await Promise.all([1, 2].map((n) => run(by, { plugin: callee.slug, input: n })));

    expect(results).toEqual([1, 2]);
  });

  it('end their calls with themselves', async () => {
    const tenantId = newId();
    const callee = await install('export const run = () => new Promise((done) => setTimeout(done, 60_000))', {
      tenantId,
      limits: { timeoutMs: 30_000 },
    });
    const by = await install(
      `export const run = (input, ctx) => { void ctx.plugins.call('${callee.slug}', 'run'); return ctx.storage.get('k') }`,
      { tenantId, requested: [permission], grants: [{ permission }] },
    );

    await run(by, {}, { waitMs: 25_000 });

    const record = await until(
      () =>
        executor.events.find(
          ({ installationId, status }) => installationId === callee.installationId && status !== 'running',
        ),
      'the called run has ended',
    );
    expect(record.status).toBe('cancelled');
  });

  it('cannot go round for ever', async () => {
    const tenantId = newId();
    const slug = `p-${newId()}`;
    await install(
      `export const run = (n, ctx) => ctx.plugins.call('${slug}', 'run', n + 1).catch((error) => error.details?.cause ?? error.code)`,
      {
        tenantId,
        slug,
        requested: [permission],
        grants: [{ permission }],
      },
    );
    const by = await installCaller(tenantId);

    expect(await run(by, { plugin: slug, input: 0 })).toBe('CAUSATION_TOO_DEEP');
  });
});
