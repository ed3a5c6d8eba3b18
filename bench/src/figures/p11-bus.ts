import { startKafka, type KafkaServer } from '@mortise/testing';
import { interleave, median, type Figure } from '../figure.ts';
import { busLoop } from '../kafka/bus-loop.ts';
import type { Loop } from '../kafka/loop.ts';
import { platformaticLoop } from '../kafka/platformatic-loop.ts';
import { stockLoop } from '../kafka/stock-loop.ts';
import { load, shown, type Load } from '../load.ts';

interface Ground {
  kafka: KafkaServer;
  ours: Loop;
  stock: Loop;
  other: Loop;
}

const warmCalls = 300;

/** One broker and the three loops on it, for as long as a figure takes. */
async function withLoops<T>(use: (ground: Ground) => Promise<T>): Promise<T> {
  const kafka = await startKafka();
  try {
    const { brokers } = kafka;
    const [ours, stock, other] = await Promise.all([
      busLoop(brokers),
      stockLoop(brokers),
      platformaticLoop(brokers),
    ]);
    try {
      for (const loop of [ours, stock, other]) await load(8, warmCalls, () => loop.call());
      return await use({ kafka, ours, stock, other });
    } finally {
      await Promise.allSettled([ours, stock, other].map((loop) => loop.close()));
    }
  } finally {
    await kafka.close();
  }
}

/** The middle round by p50, to be shown whole. */
const middle = (rounds: Load[]): Load =>
  [...rounds].sort((a, b) => a.p50Ms - b.p50Ms)[rounds.length >> 1] as Load;

const figure = (callers: number, calls: number, most: number): Figure => ({
  id: 'P11',
  what: `request and reply on Kafka, no-op handler, ${callers} caller${callers > 1 ? 's' : ''}, p50`,
  unit: 'ms',
  reference: 'stock kafkajs (eachMessage + send)',
  target: `p50 <= ${most}x, p99 not above`,
  ok: ({ ratio }) => ratio <= most,
  measure: () =>
    withLoops(async ({ ours, stock, other }) => {
      const seen = { ours: [] as Load[], stock: [] as Load[], other: [] as Load[] };
      const round = (loop: Loop, into: Load[]) => async () => {
        const one = await load(callers, calls, () => loop.call());
        into.push(one);
        return one.p50Ms;
      };
      const measured = await interleave(5, round(ours, seen.ours), async () => {
        await round(other, seen.other)();
        return round(stock, seen.stock)();
      });
      for (const rounds of Object.values(seen)) rounds.shift();
      const p99 = (rounds: Load[]) => median(rounds.map(({ p99Ms }) => p99Ms));
      return {
        ...measured,
        note: [
          `ours: ${shown(middle(seen.ours))}`,
          `stock: ${shown(middle(seen.stock))}`,
          `@platformatic/kafka: ${shown(middle(seen.other))}`,
          `median p99 ${(p99(seen.ours) / p99(seen.stock)).toFixed(2)}x of stock`,
        ].join('\n     '),
      };
    }),
});

export const busOneCaller = figure(1, 300, 1.05);
export const busSomeCallers = figure(32, 3_000, 0.35);
export const busManyCallers = figure(128, 6_000, 0.3);
