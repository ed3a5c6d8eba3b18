import { Agent, request } from 'node:http';
import { buildPackage } from '@mortise/testing';
import { call, fresh, upload, type Target } from '../api.ts';
import { median, percentile, type Figure } from '../figure.ts';
import { startPlatform } from '../platform.ts';

const fanOut = 50;
const events = 2_000;
const windows = 5;
const windowMs = 3_000;
const everyMs = 5;
const body = JSON.stringify({ function: 'run', input: { id: 'evt_1', name: 'hello world 12345' } });
const agent = new Agent({ keepAlive: true, maxSockets: 64 });

async function tenant(admin: Target): Promise<Target> {
  const slug = fresh();
  await call(admin, 'POST', '/tenants', { slug, name: slug });
  const { key } = await call<{ key: string }>(admin, 'POST', '/api-keys', {
    tenant: slug,
    roles: ['tenant-admin'],
  });
  return { url: admin.url, key };
}

async function install(target: Target, bytes: Buffer): Promise<string> {
  const { plugin } = await upload(target, bytes);
  const { id } = await call<{ id: string }>(target, 'POST', '/installations', {
    plugin: plugin.id,
    grants: 'all',
  });
  await call(target, 'POST', `/installations/${id}/activate`);
  return id;
}

const plugin = (names: string[], manifest: Record<string, unknown>): Buffer => {
  const slug = fresh();
  return buildPackage({
    manifest: {
      manifestVersion: 1,
      slug,
      name: slug,
      version: '1.0.0',
      main: 'main.js',
      functions: Object.fromEntries(names.map((name) => [name, {}])),
      ...manifest,
    },
    files: { 'main.js': names.map((name) => `export const ${name} = (input) => input;`).join('\n') },
  });
};

/** Each function runs at each event: one POST is fifty executions. */
function flooder(): Buffer {
  const names = Array.from({ length: fanOut }, (_, n) => `f${n}`);
  return plugin(names, { events: names.map((name) => ({ on: 'flood.came', function: name })) });
}

/** The execution on record that was accepted last. */
const newestOf = async (target: Target) =>
  (await call<{ data: { id: string }[] }>(target, 'GET', '/executions?limit=1')).data[0]?.id;

const callOnce = (target: Target, id: string) =>
  new Promise<number>((resolve, reject) => {
    const started = performance.now();
    const headers = {
      'content-type': 'application/json',
      authorization: `Bearer ${target.key}`,
      'content-length': body.length,
    };
    request(
      `${target.url}/api/v1/installations/${id}/execute`,
      { method: 'POST', agent, headers },
      (answer) => {
        answer.resume().on('end', () => {
          if (answer.statusCode === 200) resolve(performance.now() - started);
          else reject(new Error(`execute: ${answer.statusCode}`));
        });
      },
    )
      .on('error', reject)
      .end(body);
  });

/** Calls come at their times whether or not the last ones were answered: a stall counts for all it delays. */
async function window(target: Target, id: string): Promise<number> {
  const under: Promise<number>[] = [];
  const end = performance.now() + windowMs;
  for (let next = performance.now(); next < end; next += everyMs) {
    const one = callOnce(target, id);
    // Said where all of them are waited for.
    one.catch(() => {});
    under.push(one);
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, next + everyMs - performance.now())));
  }
  return percentile(await Promise.all(under), 0.99);
}

export const fairness: Figure = {
  id: 'FAIR',
  what: 'p99 of 200 calls/s beside 100,000 background executions of another tenant, embedded',
  unit: 'ms',
  reference: 'the same calls alone',
  target: '<= 1.20x',
  ok: ({ ratio }) => ratio <= 1.2,
  async measure() {
    const platform = await startPlatform();
    try {
      const [flooding, calling] = [await tenant(platform), await tenant(platform)];
      await install(flooding, flooder());
      const id = await install(calling, plugin(['run'], { limits: { concurrency: 64 } }));
      const rounds = async () => {
        const all: number[] = [];
        for (let n = 0; n < windows; n++) all.push(await window(calling, id));
        return all;
      };
      await window(calling, id);
      const alone = await rounds();
      let posted = 0;
      const post = async () => {
        while (posted < events)
          await call(flooding, 'POST', '/events', {
            specversion: '1.0',
            id: `e${posted++}`,
            type: 'flood.came',
            source: '/bench',
            data: {},
          });
      };
      await Promise.all([post(), post(), post(), post()]);
      const beside = await rounds();
      const newest = await newestOf(flooding);
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      if ((await newestOf(flooding)) === newest)
        throw new Error('the flood was over before the measuring was');
      return {
        value: median(beside),
        referenceValue: median(alone),
        rounds: beside.map((value, n) => ({ value, reference: alone[n] as number })),
        note: 'five windows of 3 s before the flood, five while it is worked off',
      };
    } finally {
      await platform.stop();
    }
  },
};
