import { setTimeout as delay } from 'node:timers/promises';
import type { Fault } from './fault.ts';
import { clockJump } from './faults/clock-jump.ts';
import { diskFull } from './faults/disk-full.ts';
import { freeze } from './faults/freeze.ts';
import { killBackend } from './faults/kill-backend.ts';
import { killBusyExecutor } from './faults/kill-busy-executor.ts';
import { killService } from './faults/kill-service.ts';
import { killWorker } from './faults/kill-worker.ts';
import { cut, halve, silence, slow, storeGone } from './faults/network.ts';
import type { Injected } from './history.ts';
import type { Random } from './random.ts';
import type { Scene } from './scene.ts';

/** Every fault there is: a run deals all of them before it deals one again. */
export const faults: readonly Fault[] = [
  killBusyExecutor,
  killBackend('kafka', 'broker'),
  killBackend('postgres', 'PostgreSQL'),
  ...['gateway', 'registry', 'scheduler', 'executor'].map(killService),
  killWorker,
  freeze,
  cut,
  halve,
  slow,
  silence,
  storeGone,
  diskFull,
  clockJump,
];

/**
 * Strikes one fault after another until the time is over; each is healed before the next, with a short rest between.
 * @param only names, or parts of names, of the faults to deal; all when empty
 */
export async function torment(
  scene: Scene,
  random: Random,
  o: { untilMs: number; only: string[]; injected: Injected[]; say: (line: string) => void },
): Promise<void> {
  const dealt = faults.filter(
    ({ name }) => o.only.length === 0 || o.only.some((part) => name.includes(part)),
  );
  let deck: Fault[] = [];
  while (Date.now() < o.untilMs) {
    if (deck.length === 0) deck = random.shuffle(dealt);
    const fault = deck.pop() as Fault;
    const target = await fault.aim(scene, random);
    if (target === undefined) {
      o.say(`${fault.name}: left out`);
      await delay(100);
      continue;
    }
    const from = Date.now();
    // Written down before it strikes: what suffers from it may be judged before it is over.
    const injected: Injected = {
      fault: fault.name,
      target,
      stops: fault.stops === true,
      from,
      to: Number.MAX_SAFE_INTEGER,
    };
    o.injected.push(injected);
    injected.note = await fault.strike(scene, target, random);
    injected.to = Date.now();
    o.say(`${fault.name}: ${target}${injected.note ? `, ${injected.note}` : ''}, ${injected.to - from} ms`);
    await delay(random.between(500, 2_000));
  }
}
