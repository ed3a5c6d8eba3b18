import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Ground, type Call } from '../test/ground.js';
import type { Kill } from './types.js';

let ground: Ground;
beforeAll(async () => (ground = await Ground.start()));
afterAll(() => ground.sandbox.close());

const timeoutMs = 500;
let count = 0;

/** A plugin that has run once, and its worker. */
async function proven(
  body: string,
): Promise<{ call: Omit<Call, 'input'> & { tenant: string }; pid: number }> {
  const code = `export const go = async (input, ctx) => { ${body} }`;
  const call = { code, tenant: `tenant-${++count}`, timeoutMs };
  await ground.go({ ...call, input: 'first' });
  return { call, pid: pidOf(call.tenant) };
}
const pidOf = (tenant: string) => ground.worker(tenant)?.pid ?? 0;

// As on a machine whose processors others have: a stopped process gets none either.
describe('a worker that gets no processor', () => {
  it('has its calls answered in time, and lives on with all that is in it', async () => {
    const { call, pid } = await proven('return input');
    process.kill(pid, 'SIGSTOP');
    const started = performance.now();

    const late = await ground.go({ ...call, input: 'late' });
    const tookMs = performance.now() - started;
    process.kill(pid, 'SIGCONT');
    const next = await ground.go({ ...call, timeoutMs: 5_000, input: 'next' });

    expect(late).toMatchObject({ status: 'timed_out', error: { details: { limit: 'timeoutMs' } } });
    expect(late.kill).toBeUndefined();
    expect(tookMs).toBeLessThan(timeoutMs + 250);
    expect(next.result).toBe('"next"');
    expect(pidOf(call.tenant)).toBe(pid);
  });

  it('is killed for a run that hangs once it gets it again, and the plugin answers for that', async () => {
    const { call, pid } = await proven(
      "if (input === 'hangs') Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1); return input",
    );
    const { promise: killed, resolve } = Promise.withResolvers<Kill>();

    const hanging = ground.go({ ...call, input: 'hangs', killed: resolve });
    await delay(timeoutMs / 2);
    process.kill(pid, 'SIGSTOP');
    const late = await hanging;
    await delay(100);
    // Another may serve the tenant meanwhile: this one was held by a long run.
    const lives = ground.workers(call.tenant).some((worker) => worker.pid === pid);
    process.kill(pid, 'SIGCONT');
    const kill = await killed;
    const next = await ground.go({ ...call, timeoutMs: 5_000, input: 'next' });

    expect(late.status).toBe('timed_out');
    expect(late.kill).toBeUndefined();
    expect(lives).toBe(true);
    expect(kill.reason).toBe('deadline');
    expect(next.result).toBe('"next"');
  });
});
