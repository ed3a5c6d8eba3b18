import { setTimeout as delay } from 'node:timers/promises';
import type { Fault } from '../fault.ts';
import type { Weather } from '../proxy.ts';
import { services, type Scene } from '../scene.ts';

async function storm(scene: Scene, target: string, weather: Weather, lastsMs: number): Promise<undefined> {
  const proxy = scene.proxies.get(target);
  if (!proxy) throw new Error(`no proxy before ${target}`);
  await proxy.set(weather);
  await delay(lastsMs).finally(() => proxy.set({ kind: 'clear' }));
}

/** Trouble between one service and the broker. */
const between = (name: string, weather: Weather, lastsMs: number): Fault => ({
  name: `${name} service and broker`,
  aim: async (_scene, random) => random.pick(services),
  strike: (scene, target) => storm(scene, target, weather, lastsMs),
});

export const cut = between('cut', { kind: 'gone' }, 4_000);
export const slow = between('150 ms between', { kind: 'slow', delayMs: 150 }, 5_000);
/** kafkajs throws where nobody can catch it at a stream that makes no sense: the process ends and is started again. */
export const halve: Fault = {
  ...between('halved messages between', { kind: 'halving', every: 40 }, 5_000),
  stops: true,
};
export const silence = between('silence between', { kind: 'silent' }, 5_000);

/** The package store refuses connections. */
export const storeGone: Fault = {
  name: 'S3 gone',
  aim: async () => 's3',
  strike: (scene, target) => storm(scene, target, { kind: 'gone' }, 5_000),
};
