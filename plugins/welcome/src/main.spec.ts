import { createTestContext } from '@mortise/sdk/testing';
import { describe, expect, it } from 'vitest';
import { greetings, greetUser } from './main.js';

const userCreated = (id: string) => ({
  specversion: '1.0' as const,
  id: `event-of-${id}`,
  source: '/auth',
  type: 'auth.user.created',
  data: { id, name: 'Ada' },
});

describe('welcome', () => {
  it('logs a greeting, emits an event and counts', async () => {
    const ctx = createTestContext();

    expect(await greetUser(userCreated('u1'), ctx)).toEqual({ greeted: true });

    expect(ctx.logged).toMatchObject([{ level: 'info', message: 'Welcome, Ada!' }]);
    expect(ctx.emitted).toMatchObject([{ type: 'welcome.greeted', data: { userId: 'u1' } }]);
    expect(await greetings(null, ctx)).toEqual({ count: 1 });
  });

  it('greets a user once, however often the event comes', async () => {
    const ctx = createTestContext();
    await greetUser(userCreated('u1'), ctx);

    expect(await greetUser(userCreated('u1'), ctx)).toEqual({ greeted: false });

    expect(ctx.emitted).toHaveLength(1);
    expect(await greetings(null, ctx)).toEqual({ count: 1 });
  });

  it('fails for an event without a user', async () => {
    await expect(greetUser({ ...userCreated('u1'), data: { id: '' } }, createTestContext())).rejects.toThrow(
      'no user id',
    );
  });
});
