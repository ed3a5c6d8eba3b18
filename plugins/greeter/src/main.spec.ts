import { createTestContext } from '@mortise/sdk/testing';
import { describe, expect, it } from 'vitest';
import plugin from './main.js';

const { greet } = plugin.functions;
const config = { greeting: 'Good day', punctuation: '.' };

describe('greeter', () => {
  it('greets in the configured words', async () => {
    const ctx = createTestContext({ config, secrets: { SIGNATURE_KEY: null } });

    expect(await greet({ name: 'Ada' }, ctx)).toEqual({ text: 'Good day, Ada.', signature: null });
  });

  it('signs with the secret and shows it nowhere', async () => {
    const ctx = createTestContext({ config, secrets: { SIGNATURE_KEY: 'very-secret' } });

    const answer = await greet({ name: 'Ada' }, ctx);

    expect(answer.signature).toMatch(/^[0-9a-f]{8}$/);
    expect(JSON.stringify([answer, ctx.logged])).not.toContain('very-secret');
  });

  it('signs differently with another secret', async () => {
    const signed = async (key: string) =>
      (await greet({ name: 'Ada' }, createTestContext({ config, secrets: { SIGNATURE_KEY: key } })))
        .signature;

    expect(await signed('one')).not.toBe(await signed('two'));
  });
});
