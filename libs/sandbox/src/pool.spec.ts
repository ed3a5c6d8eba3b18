import { until } from '@mortise/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { Ground } from '../test/ground.js';

let ground: Ground;
afterEach(() => ground.sandbox.close());

const counting = (name: string) => `/* ${name} */ let n = 0; export const go = () => ++n`;
const busy = `export const go = async (input, ctx) => { await ctx.storage.get('x'); for (;;); }`;

/** Resolves when the plugin is inside its loop. */
function spinning(tenant: string): Promise<{ ended: Promise<unknown> }> {
  return new Promise((inside) => {
    const ended = ground.go({
      code: busy,
      tenant,
      host: () => {
        setImmediate(() => inside({ ended }));
        return Promise.resolve('null');
      },
    });
  });
}

describe('a worker that is killed', () => {
  it('is followed at once by one that loads again what was warm', async () => {
    ground = await Ground.start();
    const plugins = ['a', 'b', 'c'].map(counting);
    for (const code of plugins) await ground.go({ code });
    await until(() => ground.spares().length > 0, 'a spare worker is ready');
    const { ended } = await spinning('acme');
    const dead = ground.worker('acme')?.pid ?? 0;

    process.kill(dead, 'SIGKILL');

    await ended;
    await until(() => (ground.worker('acme')?.units ?? 0) === 3, 'its successor holds the three again');
    const before = ground.sandbox.stats().coldStarts;
    const answers = await Promise.all(plugins.map((code) => ground.go({ code })));
    expect(answers.map(({ result }) => result)).toEqual(['1', '1', '1']);
    expect(ground.sandbox.stats().coldStarts).toBe(before);
    expect(ground.worker('acme')?.pid).not.toBe(dead);
    expect(ground.sandbox.stats().ended).toMatchObject({ crashed: 1 });
  });

  it('does not bring back a plugin that was never used or ran when it died', async () => {
    ground = await Ground.start();
    await ground.go({ code: counting('used') });
    const unused = ground.unit({ code: counting('unused') });
    ground.sandbox.warm(unused, unused.source, 64);
    await until(
      () => ground.worker('acme')?.units === 2 && ground.worker('acme')?.inFlight === 0,
      'both warm',
    );
    const { ended } = await spinning('acme');

    process.kill(ground.worker('acme')?.pid ?? 0, 'SIGKILL');

    await ended;
    await until(() => ground.worker('acme')?.units === 1, 'the used one is back');
    await ground.go({ code: counting('used') });
    expect(ground.worker('acme')?.units).toBe(1);
  });

  it('is not killed for ever by a plugin that hangs while it is made warm', async () => {
    ground = await Ground.start();
    const hangs = `Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1); export const go = () => 1`;
    await ground.go({ code: counting('good') });
    const unit = ground.unit({ code: hangs });

    ground.sandbox.warm(unit, unit.source, 64);
    const waited = await ground.go({ code: counting('other') });

    expect(waited.status).toBe('succeeded');
    expect(ground.sandbox.stats().ended).toMatchObject({ errand_late: 1, deadline: 0 });
    await until(() => ground.worker('acme')?.units === 2, 'the good ones are back');
  });
});

describe('a plugin that goes wrong while it is made warm', () => {
  it('is blamed on no run that came meanwhile', async () => {
    ground = await Ground.start();
    await ground.go({ code: counting('first') });
    const bomb = ground.unit({
      code: `const m = new Map(); for (let i = 0; ; i++) m.set({ i }, { i }); export const go = () => 1`,
    });

    ground.sandbox.warm(bomb, bomb.source, 64);
    const innocents = Array.from({ length: 5 }, (_, no) => ground.go({ code: counting(`innocent ${no}`) }));

    for (const { status, result } of await Promise.all(innocents))
      expect([status, result]).toEqual(['succeeded', '1']);
  });
});

describe('making a plugin warm ahead of its first run', () => {
  it('loads it where the tenant has a worker, so that its first run is not a cold start', async () => {
    ground = await Ground.start();
    await ground.go({ code: counting('first') });
    const unit = ground.unit({ code: counting('second') });

    ground.sandbox.warm(unit, unit.source, 64);

    await until(() => ground.worker('acme')?.units === 2 && ground.worker('acme')?.inFlight === 0, 'warm');
    expect((await ground.go({ code: counting('second') })).result).toBe('1');
    expect(ground.sandbox.stats().coldStarts).toBe(1);
  });

  it('starts no worker for it', async () => {
    ground = await Ground.start();
    const unit = ground.unit({ code: counting('lonely'), tenant: 'idle' });

    ground.sandbox.warm(unit, unit.source, 64);

    expect(ground.workers('idle')).toEqual([]);
  });

  it('leaves what is wrong with a file to be told by its first run', async () => {
    ground = await Ground.start();
    await ground.go({ code: counting('first') });
    const unit = ground.unit({ code: `throw new Error('no luck'); export const go = () => 1` });

    ground.sandbox.warm(unit, unit.source, 64);

    expect(await ground.go({ code: unit.source.code })).toMatchObject({
      status: 'failed',
      error: { code: 'MAIN_INVALID', message: expect.stringContaining('no luck') as string },
    });
  });
});

describe('a worker that has served long', () => {
  it('hands over under load without losing or failing a run', async () => {
    ground = await Ground.start({ recycleAfter: 200 });
    const plugins = ['a', 'b', 'c', 'd'].map(
      (name) => `/* ${name} */ export const go = async (n, ctx) => { await ctx.storage.get('x'); return n }`,
    );
    const pids = new Set<number>();
    const caller = async (code: string) => {
      for (let n = 0; n < 500; n++) {
        const { status, result } = await ground.go({ code, input: n });
        expect([status, result]).toEqual(['succeeded', String(n)]);
        pids.add(ground.worker('acme')?.pid ?? 0);
        // A turn of the clock now and then: who watches wear gets its turn too.
        if (n % 20 === 0) await new Promise((turn) => setTimeout(turn, 5));
      }
    };

    await Promise.all(plugins.map(caller));

    const { ended, retries } = ground.sandbox.stats();
    expect(pids.size).toBeGreaterThan(2);
    expect(ended).toEqual({ ...ended, memory_cap: 0, parked: 0, deadline: 0, protocol: 0, crashed: 0 });
    expect(retries).toBe(0);
  });

  it('lets what it still runs end where it began', async () => {
    ground = await Ground.start({ recycleAfter: 10 });
    let release: (text: string) => void = () => {};
    const held = ground.go({
      code: `export const go = async (n, ctx) => ctx.storage.get('x')`,
      host: () => new Promise((resolve) => (release = resolve)),
    });
    const code = counting('many');
    await ground.go({ code });
    const first = ground.worker('acme')?.pid;

    while (ground.worker('acme')?.pid === first) {
      await ground.go({ code });
      await new Promise((turn) => setTimeout(turn, 1));
    }

    expect(ground.workers('acme').find(({ pid }) => pid === first)).toMatchObject({
      draining: true,
      inFlight: 1,
    });
    release('"late"');
    expect(await held).toMatchObject({ status: 'succeeded', result: '"late"' });
    await until(() => ground.workers('acme').length === 1, 'the old worker is gone');
  });
});

describe('isolates at rest', () => {
  it('go, least recently used first, when all together take more than they may', async () => {
    ground = await Ground.start({ isolatesMb: 12 });
    const plugins = Array.from({ length: 12 }, (_, index) => counting(`plugin ${index}`));

    for (const code of plugins) await ground.go({ code });

    await until(async () => {
      // Whoever asks keeps the watch going, and its own plugin the youngest.
      await ground.go({ code: String(plugins[11]) });
      return (ground.worker('acme')?.units ?? 12) <= 5;
    }, 'the oldest are gone');
    expect(Number((await ground.go({ code: String(plugins[11]) })).result)).toBeGreaterThan(1);
    expect((await ground.go({ code: String(plugins[0]) })).result).toBe('1');
  });
});
