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

  it('remembers in the cache for an hour unless told', async () => {
    let now = 0;
    const ctx = createTestContext({ now: () => now });
    await ctx.cache.set('short', 1, { ttlMs: 100 });
    await ctx.cache.set('long', [1]);

    now = 3_599_999;

    expect([await ctx.cache.get('short'), await ctx.cache.get('long')]).toEqual([null, [1]]);
    expect(await ctx.cache.delete('long')).toBe(true);
    expect(ctx.stored()).toEqual({});
  });

  it('lets the servers of the test answer and refuses all others', async () => {
    const ctx = createTestContext({
      secrets: { TOKEN: 'k' },
      servers: {
        'api.example.com': ({ url }) => ({ url }),
        'old.example.com': () => new Response('gone', { status: 410 }),
      },
    });

    const answer = await ctx.http.fetch('https://api.example.com/a', {
      method: 'post',
      headers: { Authorization: 'Bearer {{secret:TOKEN}}' },
      body: 'x',
    });

    expect([answer.ok, await answer.json()]).toEqual([true, { url: 'https://api.example.com/a' }]);
    expect((await ctx.http.fetch('https://old.example.com/')).status).toBe(410);
    expect(ctx.sent[0]).toEqual({
      method: 'POST',
      url: 'https://api.example.com/a',
      headers: { authorization: 'Bearer {{secret:TOKEN}}' },
      body: 'x',
    });
    await expect(ctx.http.fetch('https://evil.test/')).rejects.toMatchObject({ code: 'SECURITY_VIOLATION' });
    await expect(ctx.http.fetch('https://api.example.com/{{secret:OTHER}}')).rejects.toMatchObject({
      code: 'SECURITY_VIOLATION',
    });
    await expect(ctx.http.fetch('/relative')).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
  });

  it('counts requests', async () => {
    const ctx = createTestContext({ limits: { networkRequests: 1 }, servers: { 'a.test': () => 1 } });
    await ctx.http.fetch('https://a.test/');

    await expect(ctx.http.fetch('https://a.test/')).rejects.toMatchObject({
      details: { limit: 'networkRequests' },
    });
  });
});
