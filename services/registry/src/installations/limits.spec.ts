import type { InstallationDto, RequestedLimits } from '@mortise/contracts';
import { until } from '@mortise/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RegistryUnderTest } from '../../test/registry-under-test.js';
import { coded, type TestTenant } from '../../test/test-tenant.js';

let registry: RegistryUnderTest;
let tenant: TestTenant;
beforeAll(async () => {
  registry = await RegistryUnderTest.start();
  tenant = registry.tenant();
});
afterAll(() => registry.close());

const put = (id: string, body: unknown, ifMatch: string) =>
  tenant.call<InstallationDto>('PUT', `/installations/${id}`, body, { 'if-match': ifMatch });
const stateAt = (id: string, revision: number) =>
  until(() => {
    const state = registry.installations.get(id);
    return state?.revision === revision ? state : undefined;
  }, `revision ${revision} is known`);

describe('the limits of an installation', () => {
  const manifest = {
    limits: { memoryMb: 64, events: 10 },
    functions: { greet: { limits: { memoryMb: 256, timeoutMs: 9_000 } }, other: {} },
  };

  it("are its admin's word over the manifest and its functions, everywhere, and leave the config alone", async () => {
    const { id } = await tenant.install(manifest);

    const { status, body } = await put(id, { limits: { memoryMb: 32, concurrency: 2 } }, '"1"');

    expect(status).toBe(200);
    expect(body.limits).toEqual({ memoryMb: 32, events: 10, concurrency: 2 });
    expect(body.config).toEqual({});
    const state = await stateAt(id, body.revision);
    expect(state.limits).toEqual({ memoryMb: 32, events: 10, concurrency: 2 });
    expect(state.functions['greet']?.limits).toEqual({ timeoutMs: 9_000 });
    expect(state.functions['other']?.limits).toBeUndefined();
  });

  it('are replaced as a whole, so that an empty object brings back those of the manifest', async () => {
    const { id } = await tenant.install(manifest);
    await put(id, { limits: { memoryMb: 32 } }, '"1"');
    await put(id, { config: {} }, '"2"');
    const kept = await tenant.get<InstallationDto>(`/installations/${id}`);
    const { body } = await put(id, { limits: {} }, '"3"');

    expect(kept.body.limits).toEqual({ memoryMb: 32, events: 10 });
    expect(body.limits).toEqual(manifest.limits);
    expect((await stateAt(id, body.revision)).functions['greet']?.limits).toEqual(
      manifest.functions.greet.limits,
    );
  });

  it.each<[string, RequestedLimits | object]>([
    ['more than a tenant may have', { memoryMb: 513 }],
    ['nothing', { hostCalls: 0 }],
    ['a part', { events: 1.5 }],
    ['no number', { timeoutMs: '5' }],
    ['what is no limit', { surprise: 1 }],
  ])('are refused when they ask for %s', async (_what, limits) => {
    const { id } = await tenant.install(manifest);

    expect(coded(await put(id, { limits }, '"1"'))).toEqual([400, 'INVALID_REQUEST']);
  });
});
