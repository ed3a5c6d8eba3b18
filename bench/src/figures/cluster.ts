import { caller, sharedCluster } from '../cluster.ts';
import { interleave, median, type Figure, type Measured } from '../figure.ts';
import { stockLoop } from '../kafka/stock-loop.ts';
import { load, shown, type Load } from '../load.ts';

const warmCalls = 300;
const middle = (rounds: Load[], of: (load: Load) => number): Load =>
  [...rounds].sort((a, b) => of(a) - of(b))[rounds.length >> 1] as Load;

/** HTTP calls on the cluster and stock kafkajs calls in turn. */
async function compare(o: {
  callers: number;
  calls: number;
  stockCallers: number;
  of: (load: Load) => number;
}): Promise<Measured> {
  const cluster = await sharedCluster();
  const stock = await stockLoop(cluster.broker);
  try {
    const once = caller(cluster, o.callers);
    await load(o.callers, warmCalls, once);
    await load(o.stockCallers, warmCalls, () => stock.call());
    const seen = { ours: [] as Load[], stock: [] as Load[] };
    const cpuUs: number[] = [];
    const measured = await interleave(
      5,
      async () => {
        const before = await cluster.cpuUs();
        const one = await load(o.callers, o.calls, once);
        cpuUs.push(((await cluster.cpuUs()) - before) / o.calls);
        seen.ours.push(one);
        return o.of(one);
      },
      async () => {
        const one = await load(o.stockCallers, o.calls, () => stock.call());
        seen.stock.push(one);
        return o.of(one);
      },
    );
    for (const rounds of [seen.ours, seen.stock, cpuUs]) rounds.shift();
    const p99 = (rounds: Load[]) => median(rounds.map(({ p99Ms }) => p99Ms));
    return {
      ...measured,
      note: [
        `ours, the client's cost only: ${shown(middle(seen.ours, o.of))}`,
        `the services' CPU without the sandbox workers: ${Math.round(median(cpuUs))} us a call`,
        `stock: ${shown(middle(seen.stock, o.of))}`,
        `median p99 ${(p99(seen.ours) / p99(seen.stock)).toFixed(2)}x of stock`,
      ].join('\n     '),
    };
  } finally {
    await stock.close();
  }
}

const latency = (callers: number, calls: number, most: number, p99Most: number): Figure => ({
  id: 'P12',
  what: `HTTP execute on Kafka, ${callers} caller${callers > 1 ? 's' : ''}, p50`,
  unit: 'ms',
  reference: 'stock kafkajs loop without HTTP and sandbox',
  target: `p50 <= ${most}x, p99 <= ${p99Most}x`,
  ok: ({ ratio }) => ratio <= most,
  measure: () => compare({ callers, calls, stockCallers: callers, of: ({ p50Ms }) => p50Ms }),
});

export const httpOneCaller = latency(1, 300, 1.5, 1.5);
export const httpSomeCallers = latency(32, 1_500, 0.5, 0.8);

export const httpSaturated: Figure = {
  id: 'P13',
  what: 'HTTP execute on Kafka, 128 callers',
  unit: 'executions/s',
  reference: 'stock kafkajs loop, 128 callers',
  target: '>= 1.8x',
  ok: ({ ratio }) => ratio >= 1.8,
  measure: () => compare({ callers: 128, calls: 3_000, stockCallers: 128, of: ({ perSecond }) => perSecond }),
};
