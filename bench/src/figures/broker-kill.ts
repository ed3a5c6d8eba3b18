// kill -9 of the broker under load: which calls fail, and for how long there are no answers.
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startKafka, type KafkaServer } from '@mortise/testing';
import { median, type Figure } from '../figure.ts';
import { busLoop } from '../kafka/bus-loop.ts';
import type { Loop } from '../kafka/loop.ts';
import { load } from '../load.ts';

const callers = 32;
const rounds = 3;
const warmCalls = 2_000;
const steadyMs = 1_000;

/** Resolves when the port takes connections: the first moment at which an answer would be possible. */
async function listening(port: number): Promise<void> {
  for (;;) {
    const taken = await new Promise<boolean>((done) => {
      const socket = connect(port, '127.0.0.1')
        .once('connect', () => done(true))
        .once('error', () => done(false));
      socket.once('close', () => done(false));
      setTimeout(() => socket.destroy(), 100);
    });
    if (taken) return;
    await delay(10);
  }
}

interface Outage {
  downMs: number;
  /** The longest time without any answer. */
  gapMs: number;
  calls: number;
  failed: number;
}

async function outage(kafka: KafkaServer, dir: string, loop: Loop): Promise<[Outage, KafkaServer]> {
  const seen: Outage = { downMs: 0, gapMs: 0, calls: 0, failed: 0 };
  let [calling, answeredAt] = [true, performance.now()];
  const work = Array.from({ length: callers }, async () => {
    while (calling) {
      seen.calls += 1;
      await loop.call().then(
        () => {
          const now = performance.now();
          seen.gapMs = Math.max(seen.gapMs, now - answeredAt);
          answeredAt = now;
        },
        () => (seen.failed += 1),
      );
    }
  });
  await delay(steadyMs);
  process.kill(kafka.pid, 'SIGKILL');
  const killedAt = performance.now();
  await kafka.exited;
  const { port, controllerPort } = kafka;
  const back = listening(port).then(() => (seen.downMs = performance.now() - killedAt));
  const started = await startKafka({ dir, port, controllerPort });
  await back;
  await delay(steadyMs);
  calling = false;
  await Promise.all(work);
  return [seen, started];
}

const shown = ({ downMs, gapMs, calls, failed }: Outage): string =>
  `down ${(downMs / 1_000).toFixed(1)} s, no answer for ${(gapMs / 1_000).toFixed(1)} s, ${failed} of ${calls} calls failed`;

export const brokerKill: Figure = {
  id: 'KILL',
  what: `kill -9 of the broker, ${callers} callers: time without an answer beyond the time without a broker`,
  unit: 's',
  target: '<= 2.5 s, 0 failed calls',
  ok: ({ value }) => value <= 2.5,
  async measure() {
    const dir = await mkdtemp(join(tmpdir(), 'mortise-bench-kill-'));
    let kafka = await startKafka({ dir });
    try {
      // That it warns of a broker that is away is as it should be.
      const loop = await busLoop(kafka.brokers, 'error');
      const seen: Outage[] = [];
      try {
        await load(callers, warmCalls, () => loop.call());
        for (let round = 0; round < rounds; round++) {
          const [one, started] = await outage(kafka, dir, loop);
          seen.push(one);
          kafka = started;
        }
      } finally {
        await loop.close();
      }
      // A failed call is a failed figure, however short the gap.
      const beyond = seen.map(({ gapMs, downMs, failed }) =>
        failed > 0 ? Infinity : Math.max(0, gapMs - downMs) / 1_000,
      );
      return {
        value: median(beyond),
        rounds: beyond.map((value) => ({ value })),
        note: seen.map(shown).join('\n     '),
      };
    } finally {
      await kafka.close();
      await rm(dir, { recursive: true, force: true });
    }
  },
};
