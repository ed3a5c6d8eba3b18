import { percentile, type Figure } from '../figure.ts';
import { echo, withSandbox, type Ground } from '../sandbox.ts';

const kills = 40;
const warmPlugins = 20;
const busy = `export const go = async (input, ctx) => { await ctx.storage.get('x'); for (;;); }`;
const plugin = (no: number) => `/* ${no} */ ${echo}`;

/** Resolves when a plugin of the cordon is inside its endless loop. */
const occupy = ({ go }: Ground, cordon: string) =>
  new Promise<{ ended: Promise<unknown> }>((inside) => {
    const host = () => {
      setImmediate(() => inside({ ended }));
      return Promise.resolve('null');
    };
    const ended = go(busy, { cordon, host }).catch(() => {});
  });

async function untilReady({ stats }: Ground): Promise<void> {
  while (!stats().workers.some(({ cordon, pid, blanks }) => cordon === null && pid > 0 && blanks > 0))
    await new Promise((after) => setTimeout(after, 5));
}

/** Milliseconds from the kill of a busy worker to the next answer of another plugin. */
async function afterKill(ground: Ground, victim: string, cordon: string): Promise<number> {
  const { go, stats } = ground;
  for (let no = 0; no < warmPlugins; no++) await go(plugin(no), { cordon: 'acme' });
  await go(echo, { cordon });
  await untilReady(ground);
  const { ended } = await occupy(ground, victim);
  const pid = stats().workers.find((worker) => worker.cordon === victim)?.pid ?? 0;
  const killed = performance.now();
  process.kill(pid, 'SIGKILL');
  // A caller that comes while nobody knows yet of the kill waits for the retry of its own run.
  await go(cordon === victim ? plugin(0) : echo, { cordon, idempotent: true });
  const took = performance.now() - killed;
  await ended;
  return took;
}

const capacityBack = (who: string, cordon: string): Figure => ({
  id: 'BACK',
  what: `SIGKILL of a busy worker to the next answer of ${who}, p99 of ${kills} kills`,
  unit: 'ms',
  target: '<= 100 ms',
  ok: ({ value }) => value <= 100,
  measure: () =>
    withSandbox(async (ground) => {
      const took: number[] = [];
      for (let kill = 0; kill < kills; kill++) took.push(await afterKill(ground, 'acme', cordon));
      return {
        value: percentile(took, 0.99),
        rounds: took.map((value) => ({ value })),
        note: `p50 ${percentile(took, 0.5).toFixed(1)} ms; ${warmPlugins} warm plugins in the worker that died`,
      };
    }),
});

export const backSameCordon = capacityBack('another plugin of the same tenant', 'acme');
export const backOtherCordon = capacityBack('a plugin of another tenant', 'globex');
