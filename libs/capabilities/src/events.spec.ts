import { describe, expect, it } from 'vitest';
import { bench } from './bench.contract.js';

describe('events.emit', () => {
  it('hands the event on with who sent it and one step deeper', async () => {
    const { call, emitted, scope } = bench();
    scope.causationDepth = 2;

    const answer = await call('events.emit', { type: 'orders.paid', data: { n: 1 }, subject: 'o-1' });

    expect(emitted).toEqual([
      expect.objectContaining({
        id: (answer as { id: string }).id,
        tenantId: 'acme',
        plugin: 'acme/orders',
        type: 'orders.paid',
        subject: 'o-1',
        data: '{"n":1}',
        causationDepth: 3,
      }),
    ]);
  });

  it('cuts a chain that grows too wide, and leaves other chains and first causes alone', async () => {
    const { call, emitted, scope } = bench({}, { events: 1_000 });
    const emit = () => call('events.emit', { type: 'orders.paid' });
    scope.chainId = 'one';
    for (let times = 0; times < 100; times++) await emit();

    await expect(emit()).rejects.toMatchObject({
      guest: { code: 'CAUSATION_TOO_WIDE', details: { limit: 100, chainId: 'one' } },
    });
    expect(emitted).toHaveLength(100);
    expect(emitted[0]).toMatchObject({ chainId: 'one' });
    scope.chainId = 'other';
    await emit();
    delete scope.chainId;
    await emit();
    expect(emitted[101]).not.toHaveProperty('chainId');
  });

  it('gives its event the same id when the run is repeated, and no two events one id', async () => {
    const idsOf = async (attempt: number) => {
      const { call, emitted, scope } = bench();
      scope.attempt = attempt;
      for (let times = 0; times < 2; times++) await call('events.emit', { type: 'orders.paid' });
      return emitted.map(({ id }) => id);
    };

    const [first, again, next] = [await idsOf(1), await idsOf(1), await idsOf(2)];

    expect(again).toEqual(first);
    expect(new Set([...first, ...next]).size).toBe(4);
    for (const id of first)
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it.each([
    ['record.created', 'EVENT_TYPE_RESERVED'],
    ['Mortise.x', 'EVENT_TYPE_RESERVED'],
    ['orders', 'EVENT_INVALID'],
    ['a b.c', 'EVENT_INVALID'],
  ])('refuses the type %s with %s', async (type, code) => {
    await expect(bench().call('events.emit', { type })).rejects.toMatchObject({ guest: { code } });
  });

  it('stops at the limit, and where too many events caused one another', async () => {
    const { call, scope, emitted } = bench({}, { events: 1 });
    await call('events.emit', { type: 'orders.paid' });

    await expect(call('events.emit', { type: 'orders.paid' })).rejects.toMatchObject({
      guest: { code: 'LIMIT_EXCEEDED' },
    });
    scope.causationDepth = 8;
    await expect(call('events.emit', { type: 'orders.paid' })).rejects.toMatchObject({
      guest: { code: 'CAUSATION_TOO_DEEP' },
    });

    expect(emitted.length).toBe(1);
  });

  it('carries no secret that the execution has read', async () => {
    const { call, secrets, emitted } = bench({ secretKeys: ['API_KEY'] });
    secrets.set('API_KEY', 's3cret"value');
    const value = await call('secrets.get', { key: 'API_KEY' });

    await call('events.emit', { type: 'orders.paid', data: { value, note: `key: ${String(value)}` } });

    expect(emitted[0]?.data).toBe('{"value":"***","note":"key: ***"}');
  });
});
