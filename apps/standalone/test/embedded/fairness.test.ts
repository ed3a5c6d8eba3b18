import { until } from '@mortise/testing';
import { describe, expect, it } from 'vitest';
import { newTenant, type Client } from '../client.js';

const functions = Array.from({ length: 40 }, (_, n) => `f${n}`);
const events = 75;

/** A plugin of which every function runs at each event of the type. */
const subscriber = (names: string[], type: string) => ({
  main: names.map((name) => `export function ${name}() { return 1 }`).join('\n'),
  manifest: { events: names.map((name) => ({ on: type, function: name })) },
});

const publish = (tenant: Client, type: string, n: number) =>
  tenant.post('/events', { specversion: '1.0', id: `${type}-${n}`, source: '/test', type, data: { n } });

/** How many executions of an installation there are with a status. */
async function count(tenant: Client, installation: string, status: string, most = Infinity): Promise<number> {
  let found = 0;
  for (let cursor: string | null = ''; cursor !== null && found < most;) {
    const page = `limit=200${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`;
    const answer = await tenant.get(`/executions?installation=${installation}&status=${status}&${page}`);
    expect(answer.status).toBe(200);
    found += answer.body.data.length;
    cursor = answer.body.page.next;
  }
  return found;
}

describe('a tenant that floods the platform with background executions', () => {
  it('neither keeps another from calling nor from running its own, and loses none', async () => {
    const [flooding, calling, late] = await Promise.all([newTenant(), newTenant(), newTenant()]);
    const flood = await flooding.deploy(subscriber(functions, 'flood.came'));
    const called = await calling.deploy({ main: 'export function ping(input) { return input }' });
    const own = await late.deploy(subscriber(['run'], 'late.came'));
    await calling.execute(called.id, 'ping', 0);

    for (let n = 0; n < events; n++) expect((await publish(flooding, 'flood.came', n)).status).toBe(202);
    const sentMs = performance.now();
    expect((await publish(late, 'late.came', 0)).status).toBe(202);
    const tookMs: number[] = [];
    while (tookMs.length < 100) {
      const started = performance.now();
      const answer = await calling.execute(called.id, 'ping', 1);
      tookMs.push(performance.now() - started);
      expect(answer.status).toBe(200);
    }
    const leftBehind = await count(flooding, flood.id, 'queued', 1);
    await until(async () => (await count(late, own.id, 'succeeded')) === 1, 'the late tenant ran', 30_000);
    const lateMs = performance.now() - sentMs;
    await until(async () => (await count(flooding, flood.id, 'queued', 1)) === 0, 'the flood ran', 60_000);
    const floodMs = performance.now() - sentMs;

    expect(leftBehind).toBeGreaterThan(0);
    expect(lateMs).toBeLessThan(floodMs);
    tookMs.sort((a, b) => a - b);
    expect(tookMs[89]).toBeLessThan(100);
    await until(
      async () => (await count(flooding, flood.id, 'succeeded')) === functions.length * events,
      'each ran once',
      30_000,
    );
  }, 150_000);
});
