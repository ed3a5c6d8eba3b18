import { interleave, percentile, type Figure } from '../figure.ts';
import { echo, withSandbox, type Ground } from '../sandbox.ts';

const burners = 8;
const burnMs = 50;
const calls = 1_000;
const betweenMs = 2;
const pause = (ms: number) => new Promise<void>((after) => setTimeout(after, ms));
const burnerOf = (no: number | string, rounds: number) =>
  `/* ${no} */ export const go = () => { let x = 1; for (let i = 0; i < ${rounds}; i++) x = (x * 48271) % 2147483647; return x };`;

/** Rounds of the burner that take so many milliseconds of a processor here. */
async function roundsFor(cpuMs: number, { go }: Ground): Promise<number> {
  const probe = 5_000_000;
  const cordon = 'probe';
  const runs = [];
  for (let run = 0; run < 5; run++) runs.push((await go(burnerOf('probe', probe), { cordon })).usage.cpuMs);
  return Math.round((probe * cpuMs) / percentile(runs, 0.5));
}

async function p99Ms({ go }: Ground): Promise<number> {
  const took: number[] = [];
  for (let call = 0; call < calls; call++) {
    await pause(betweenMs);
    const begun = performance.now();
    await go(echo);
    took.push(performance.now() - begun);
  }
  return percentile(took, 0.99);
}

/** Keeps the burners at work while `work` runs. */
async function beside<T>(
  { go }: Ground,
  rounds: number,
  tenants: number,
  work: () => Promise<T>,
): Promise<T> {
  let stopped = false;
  const burning = Array.from({ length: burners }, async (_, no) => {
    const cordon = tenants === 1 ? 'acme' : `burner-${no}`;
    while (!stopped) await go(burnerOf(no, rounds), { cordon });
  });
  // Until their history is known: three runs of each.
  await pause(burners * burnMs * 4);
  const result = await work();
  stopped = true;
  await Promise.all(burning);
  return result;
}

const fastBeside = (tenants: 1 | 8): Figure => ({
  id: 'P10',
  what: `fast plugin beside ${burners} plugins burning ${burnMs} ms CPU each, ${tenants === 1 ? 'all of its own tenant' : 'each of another tenant'}, p99`,
  unit: 'ms',
  reference: 'the same calls alone',
  target: '<= 5 ms',
  ok: ({ value }) => value <= 5,
  measure: () =>
    withSandbox(async (ground) => {
      const rounds = await roundsFor(burnMs, ground);
      const measured = await interleave(
        5,
        () => beside(ground, rounds, tenants, () => p99Ms(ground)),
        () => p99Ms(ground),
      );
      const lanes = ground.stats().workers.filter(({ lane }) => lane === 'slow').length;
      return { ...measured, note: `${calls} calls a round, ${betweenMs} ms apart; ${lanes} slow workers` };
    }),
});

export const fastBesideOwn = fastBeside(1);
export const fastBesideOthers = fastBeside(8);
