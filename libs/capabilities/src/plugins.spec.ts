import { describe, expect, it } from 'vitest';
import { bench } from './bench.contract.js';

const permission = 'plugins:call';
const asking = { requested: [permission], grants: [{ permission }] };
const pay = { plugin: 'acme/orders', function: 'pay', input: { n: 1 } };

describe('plugins.call', () => {
  it('hands the call on and gives its result', async () => {
    const { call, called } = bench(asking);

    expect(await call('plugins.call', pay)).toEqual({ answer: 42 });
    expect(called).toEqual([{ plugin: 'acme/orders', function: 'pay', input: '{"n":1}' }]);
  });

  it('is held to the selectors of manifest and grant, the plugin named with or without its publisher', async () => {
    const bySlug = { ...asking, selectors: { [permission]: [{ slugs: ['orders'], functions: ['pay'] }] } };
    const byName = { ...asking, grants: [{ permission, selector: { slugs: ['acme/orders'] } }] };

    expect(await bench(bySlug).call('plugins.call', pay)).toEqual({ answer: 42 });
    await expect(bench(bySlug).call('plugins.call', { ...pay, function: 'drop' })).rejects.toMatchObject({
      guest: { code: 'SECURITY_VIOLATION', details: { permission, function: 'drop' } },
      outcome: 'security_violation',
    });
    expect(await bench(byName).call('plugins.call', pay)).toEqual({ answer: 42 });
    await expect(bench(byName).call('plugins.call', { ...pay, plugin: 'evil/orders' })).rejects.toMatchObject(
      {
        guest: { code: 'PERMISSION_DENIED', details: { permission, plugin: 'evil/orders' } },
      },
    );
  });

  it('needs the permission, and cuts chains of calls', async () => {
    await expect(bench().call('plugins.call', pay)).rejects.toMatchObject({ outcome: 'security_violation' });
    const deep = bench(asking);
    deep.scope.causationDepth = 8;
    await expect(deep.call('plugins.call', pay)).rejects.toMatchObject({
      guest: { code: 'CAUSATION_TOO_DEEP' },
    });
    expect(deep.called).toEqual([]);
  });
});
