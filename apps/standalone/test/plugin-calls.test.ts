import { until } from '@mortise/testing';
import { describe, expect, it } from 'vitest';
import { newTenant } from './client.js';

const price = { main: 'export function of(input) { return { cents: input.items * 100 } }' };
const shop = (callee: string) => ({
  main: `export function buy(input, ctx) { return ctx.plugins.call('${callee}', input.fn ?? 'of', input) }`,
  manifest: {
    permissions: [
      { resource: 'plugins', actions: ['call'], selector: { slugs: [callee], functions: ['of'] } },
    ],
  },
});

describe('a plugin that calls another', () => {
  it('gets the result of a function that is exposed to plugins, as a recorded execution of its own', async () => {
    const tenant = await newTenant();
    const callee = await tenant.deploy({
      ...price,
      manifest: { functions: { of: { expose: ['plugins'] } } },
    });
    const caller = await tenant.deploy(shop(callee.slug));

    const answer = await tenant.execute(caller.id, 'buy', { items: 3 });

    expect(answer).toMatchObject({ status: 200, body: { result: { cents: 300 } } });
    const record = await until(async () => {
      const { body } = await tenant.get(`/executions?installation=${callee.id}`);
      return body.data[0];
    }, 'the record of the called function');
    expect(record).toMatchObject({ trigger: 'plugin', status: 'succeeded', function: 'of' });
    // What is open to plugins only is not open to callers of the API.
    expect((await tenant.execute(callee.id, 'of', { items: 1 })).body.code).toBe('FUNCTION_NOT_FOUND');
  });

  it('is stopped when it calls what its manifest does not name', async () => {
    const tenant = await newTenant();
    const callee = await tenant.deploy(price);
    const caller = await tenant.deploy(shop(callee.slug));

    const answer = await tenant.execute(caller.id, 'buy', { fn: 'other' });

    expect([answer.status, answer.body.code]).toEqual([403, 'SECURITY_VIOLATION']);
  });
});
