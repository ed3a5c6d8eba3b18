import { percentile, type Figure } from '../figure.ts';
import { bundle, echo, withSandbox } from '../sandbox.ts';

const refillMs = 10;
const pause = (ms: number) => new Promise((after) => setTimeout(after, ms));

const coldStart = (kilobytes: number, starts: number, p50Ms: number, p99Ms: number): Figure => ({
  id: 'P7',
  what: `cold start to the first answer of a plugin of ${kilobytes} KB never seen before, blank pool, p50`,
  unit: 'ms',
  target: `<= ${p50Ms} ms, p99 <= ${p99Ms} ms`,
  ok: ({ value }) => value <= p50Ms,
  measure: () =>
    withSandbox(async ({ go }) => {
      const took: number[] = [];
      await go(echo);
      for (let no = 0; no < starts; no++) {
        const code = bundle(kilobytes * 1_024, no);
        // Until the blank isolate that the last one took has been made again.
        await pause(refillMs);
        const begun = performance.now();
        await go(code);
        took.push(performance.now() - begun);
      }
      return {
        value: percentile(took, 0.5),
        rounds: took.map((value) => ({ value })),
        note: `p99 ${percentile(took, 0.99).toFixed(2)} ms of ${starts}; a frame to the worker and back is in it`,
      };
    }),
});

export const coldSmall = coldStart(9, 200, 0.6, 3);
export const coldMiddle = coldStart(60, 200, 1, 3);
export const coldLarge = coldStart(1_100, 12, 120, 160);

const plugins = 300;
const miBPerGiB = 1_024;

export const warmPerGiB: Figure = {
  id: 'P8',
  what: `warm plugins of 2 KB per GiB of a worker's memory, ${plugins} in one worker`,
  unit: 'per GiB',
  target: '>= 600',
  ok: ({ value }) => value >= 600,
  measure: () =>
    withSandbox(async ({ go, stats }) => {
      const rssMb = () => stats().workers.find(({ cordon }) => cordon)?.rssMb ?? 0;
      await go(bundle(2_048, -1));
      const beforeMb = rssMb();
      for (let no = 0; no < plugins; no++) for (let run = 0; run < 5; run++) await go(bundle(2_048, no));
      const eachMb = (rssMb() - beforeMb) / plugins;
      return {
        value: miBPerGiB / eachMb,
        rounds: [{ value: miBPerGiB / eachMb }],
        note: `${eachMb.toFixed(2)} MiB each`,
      };
    }),
};
