import { describe, expect, expectTypeOf, it } from 'vitest';
import { definePlugin, type Context } from './index.js';
import { createTestContext } from './testing.js';

const plugin = definePlugin({
  functions: {
    greet: async (input: { name: string }, ctx: Context<{ greeting: string }>) => {
      ctx.log.info('greeting', { name: input.name });
      await ctx.storage.set(`seen:${input.name}`, true, { ttlMs: 1_000 });
      await ctx.events.emit('greeter.greeted', { name: input.name });
      return `${ctx.config.greeting}, ${input.name}`;
    },
  },
});

describe('the test context', () => {
  it('lets a handler run and shows what it did', async () => {
    const ctx = createTestContext({ config: { greeting: 'Hello' } });

    const result = await plugin.functions.greet({ name: 'Ada' }, ctx);

    expect(result).toBe('Hello, Ada');
    expect(ctx.logged).toEqual([{ level: 'info', message: 'greeting', fields: { name: 'Ada' } }]);
    expect(ctx.stored()).toEqual({ 'seen:Ada': true });
    expect(ctx.emitted).toMatchObject([{ type: 'greeter.greeted', data: { name: 'Ada' } }]);
    expectTypeOf(result).toEqualTypeOf<string>();
  });

  it('forgets what has expired', async () => {
    let now = 0;
    const ctx = createTestContext({ now: () => now });
    await ctx.storage.set('a', 1, { ttlMs: 100 });

    now = 100;

    expect(await ctx.storage.get('a')).toBeNull();
  });

  it('lists keys page by page', async () => {
    const ctx = createTestContext({ storage: { 'u:1': 1, 'u:2': 2, x: 3 } });

    const page = await ctx.storage.list('u:', { limit: 1 });

    expect(page).toEqual({ keys: ['u:1'], cursor: 'u:1' });
  });

  it('knows declared secrets and refuses others', async () => {
    const ctx = createTestContext({ secrets: { API_KEY: 'k', LATER: null } });

    expect([await ctx.secrets.get('API_KEY'), await ctx.secrets.get('LATER')]).toEqual(['k', null]);
    await expect(ctx.secrets.get('OTHER')).rejects.toMatchObject({ code: 'SECURITY_VIOLATION' });
  });

  it('keeps the limits a handler can meet', async () => {
    const ctx = createTestContext({ limits: { events: 1, hostCalls: 3 } });

    await ctx.events.emit('a.b');
    await expect(ctx.events.emit('a.b')).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
    await expect(ctx.storage.set('k', 'x'.repeat(70_000))).rejects.toMatchObject({
      details: { limit: 'storageValueBytes' },
    });
    await expect(ctx.storage.get('k')).rejects.toMatchObject({ details: { limit: 'hostCalls' } });
  });
});
