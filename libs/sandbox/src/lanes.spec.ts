import { getPriority } from 'node:os';
import { until } from '@mortise/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { Ground } from '../test/ground.js';

let ground: Ground;
afterEach(() => ground.sandbox.close());

/** Works as long as its input says, by a clock of its own: the sandbox freezes the usual one. */
const burner = `export const go = (rounds) => { let x = 1; for (let i = 0; i < rounds; i++) x = (x * 48271) % 2147483647; return x }`;
const quick = 'export const go = (input) => input';

/** Rounds of the burner that take at least so many milliseconds here. */
async function roundsFor(cpuMs: number): Promise<number> {
  const rounds = 1e6;
  const took: number[] = [];
  // The quickest of some: what a busy machine adds to a run is not the plugin's.
  for (let run = 0; run < 5; run++) {
    const { usage } = await ground.go({ code: `/* probe */ ${burner}`, tenant: 'probe', input: rounds });
    took.push(usage.cpuMs);
  }
  return Math.ceil((rounds * cpuMs) / Math.min(...took));
}

describe('lanes', () => {
  it('give a plugin that holds the processor a worker of its own, and back when it has become quick', async () => {
    ground = await Ground.start();
    const rounds = await roundsFor(40);
    const { slowPlugins } = ground.sandbox.stats();
    await ground.go({ code: quick });

    for (let run = 0; run < 3; run++) await ground.go({ code: burner, input: rounds });
    await ground.go({ code: burner, input: 1 });

    expect(ground.worker('acme', 'slow')).toMatchObject({ units: 1 });
    expect(ground.worker('acme', 'fast')).toMatchObject({ units: 1 });
    expect(ground.sandbox.stats().slowPlugins).toBe(slowPlugins + 1);

    let calm = 0;
    // On a busy machine even a short run now and then takes long: then it begins anew.
    while (ground.sandbox.stats().slowPlugins > slowPlugins && calm < 5_000) {
      await ground.go({ code: burner, input: 1 });
      calm++;
    }

    expect(calm).toBeGreaterThanOrEqual(99);
    expect(calm).toBeLessThan(5_000);
    const before = ground.worker('acme', 'fast')?.executions ?? 0;
    await ground.go({ code: burner, input: 1 });
    expect(ground.worker('acme', 'fast')?.executions).toBe(before + 1);
  });

  it('never let the slow lane hold up the fast one', async () => {
    ground = await Ground.start();
    const rounds = await roundsFor(200);
    for (let run = 0; run < 3; run++) await ground.go({ code: burner, input: rounds });
    await ground.go({ code: quick });
    let burning = 4;
    const burns = Array.from({ length: burning }, () =>
      ground.go({ code: burner, input: rounds }).then((result) => (burning--, result)),
    );

    for (let call = 0; call < 20; call++) await ground.go({ code: quick, input: call });

    expect(burning).toBeGreaterThanOrEqual(3);
    for (const { status } of await Promise.all(burns)) expect(status).toBe('succeeded');
  });

  it('lower the priority of workers, all their threads included, of the slow lane most', async () => {
    ground = await Ground.start();
    const rounds = await roundsFor(40);
    await ground.go({ code: quick });
    for (let run = 0; run < 4; run++) await ground.go({ code: burner, input: rounds });
    await until(() => ground.worker('acme', 'slow') !== undefined, 'a slow worker');

    const nice = (lane: 'fast' | 'slow') => getPriority(ground.worker('acme', lane)?.pid ?? 0);
    expect([nice('fast'), nice('slow')]).toEqual([5, 19]);
  });
});

describe('a run that holds its worker for long', () => {
  it('keeps the worker to itself: who calls meanwhile gets another one', async () => {
    ground = await Ground.start();
    await ground.go({ code: quick });
    const first = ground.worker('acme')?.pid;
    const inside = Promise.withResolvers<void>();
    const holding = ground.go({
      code: `export const go = async (input, ctx) => { await ctx.storage.get('x'); for (;;); }`,
      timeoutMs: 2_000,
      host: () => {
        setImmediate(inside.resolve);
        return Promise.resolve('null');
      },
    });
    await inside.promise;
    await until(() => ground.worker('acme', 'slow')?.pid === first, 'its worker is the slow one now');
    const started = performance.now();

    for (let call = 0; call < 20; call++) await ground.go({ code: quick, input: call });

    expect(performance.now() - started).toBeLessThan(1_000);
    expect(await holding).toMatchObject({ status: 'timed_out' });
  });

  it('does not let a tenant take all workers with many such plugins', async () => {
    ground = await Ground.start({ workers: 8 });
    const hog = (no: number) =>
      ground.go({ code: `/* ${no} */ export const go = () => { for (;;); }`, timeoutMs: 3_000 });
    const hogs = [];
    for (let no = 0; no < 5; no++) {
      hogs.push(hog(no));
      await until(
        () => ground.sandbox.stats().slowPlugins > no || ground.workers('acme').length === 3,
        'found',
      );
    }

    expect((await ground.go({ code: quick, tenant: 'other' })).status).toBe('succeeded');
    expect(ground.workers('acme').length).toBeLessThanOrEqual(3);
    for (const { status } of await Promise.all(hogs)) expect(status).toBe('timed_out');
  });
});
