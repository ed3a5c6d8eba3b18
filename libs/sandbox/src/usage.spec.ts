import { afterEach, describe, expect, it } from 'vitest';
import { Ground } from '../test/ground.js';
import { ProcessProbe } from './proc.js';

let ground: Ground;
afterEach(() => ground.sandbox.close());

const asks = (then: string) => `export const go = async (input, ctx) => {
  await ctx.storage.set('k', 'ü');
  await ctx.storage.set('k', 'ü');
  ${then}
}`;
const asked = Buffer.byteLength(JSON.stringify({ key: 'k', value: 'ü' }));
const answer = JSON.stringify('ü€');
const host = () => Promise.resolve(answer);
const input = { greeting: 'grüß dich' };
const bytesIn = Buffer.byteLength(JSON.stringify(input)) + 2 * Buffer.byteLength(answer);

/** One that has its worker's process work for it, and hardly works itself. */
const draws = `export const go = (count) => {
  for (let drawn = 0; drawn < count; drawn++) crypto.randomUUID();
}`;

describe('what a run used', () => {
  it('counts bytes, in and out, host calls and their answers among them', async () => {
    ground = await Ground.start();

    const { usage } = await ground.go({ code: asks("return 'ß'"), input, host });

    expect(usage).toMatchObject({ hostCalls: 2, bytesIn, bytesOut: 2 * asked + Buffer.byteLength('"ß"') });
  });

  it('is known of a run too whose worker had to be killed', async () => {
    ground = await Ground.start();
    const hangs = asks('Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1)');

    const { status, usage } = await ground.go({ code: hangs, input, host, timeoutMs: 400 });

    expect(status).toBe('timed_out');
    expect(usage).toMatchObject({ hostCalls: 2, bytesIn, bytesOut: 2 * asked });
    expect(usage.wallMs).toBeGreaterThanOrEqual(400);
    expect(usage.cpuMs).toBeGreaterThan(50);
    expect(usage.cpuMs).toBeLessThanOrEqual(usage.wallMs);
  });

  it('counts what the process did for it and the ways there and back, as the kernel does', async () => {
    ground = await Ground.start();
    await ground.go({ code: draws, input: 1 });
    const probe = new ProcessProbe(ground.worker('acme')?.pid ?? 0);
    const before = probe.activity().cpuTicks;

    const { usage } = await ground.go({ code: draws, input: 200_000, timeoutMs: 20_000 });

    const kernelMs = (probe.activity().cpuTicks - before) * 10;
    probe.close();
    expect(usage.cpuMs).toBeGreaterThan(0.7 * kernelMs);
    expect(usage.cpuMs).toBeLessThan(kernelMs + 50);
  });
});
