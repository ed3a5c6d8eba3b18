import { definePlugin, type Context } from '@mortise/sdk';
import { fingerprint } from './fingerprint.js';

interface Config {
  greeting: string;
  punctuation: string;
}

/** Greets by the installation's configuration; signs when somebody has set the key. */
async function greet(
  input: { name: string },
  ctx: Context<Config>,
): Promise<{ text: string; signature: string | null }> {
  const { greeting, punctuation } = ctx.config;
  const text = `${greeting}, ${input.name}${punctuation}`;
  const key = await ctx.secrets.get('SIGNATURE_KEY');
  ctx.log.info('greeted', { name: input.name, isSigned: key !== null });
  return { text, signature: key === null ? null : fingerprint(key, text) };
}

export default definePlugin({ functions: { greet } });
