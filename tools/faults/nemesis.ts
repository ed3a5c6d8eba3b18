import { setTimeout as delay } from 'node:timers/promises';
import type { Fault } from './fault.ts';
import { clockJump } from './faults/clock-jump.ts';
import { diskFull } from './faults/disk-full.ts';
import { freeze } from './faults/freeze.ts';
import { killBackend } from './faults/kill-backend.ts';
import { killBusyExecutor } from './faults/kill-busy-executor.ts';
import { killCutOff } from './faults/kill-cut-off.ts';
import { killService } from './faults/kill-service.ts';
import { killWorker } from './faults/kill-worker.ts';
import { cut, halve, silence, slow, storeGone } from './faults/network.ts';
import type { Injected } from './history.ts';
import type { Random } from '@mortise/testing';
import type { Scene } from './scene.ts';

/** Every fault there is: a run deals all of them before it deals one again. */
export const faults: readonly Fault[] = [
  killBusyExecutor,
  killCutOff,
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

export interface Torment {
  untilMs: number;
  /** Names, or parts of names, of the faults to deal; all when empty. */
  only: string[];
  injected: Injected[];
  say: (line: string) => void;
}

/**
 * Strikes one fault after another until the time is over, now and then two at once; they are healed before the next,
 * with a short rest between.
 */
export async function torment(scene: Scene, random: Random, o: Torment): Promise<void> {
  const dealt = faults.filter(
    ({ name }) => o.only.length === 0 || o.only.some((part) => name.includes(part)),
  );
  let deck: Fault[] = [];
  while (Date.now() < o.untilMs) {
    const targets = new Map<string, Fault>();
    for (let cards = random.between(1, 4) === 1 ? 2 : 1; cards > 0; cards--) {
      if (deck.length === 0) deck = random.shuffle(dealt);
      const fault = deck.pop() as Fault;
      const target = await fault.aim(scene, random);
      if (target === undefined) o.say(`${fault.name}: left out`);
      // Two faults at once never hit the same target: one would heal what the other breaks.
      else if (!targets.has(target)) targets.set(target, fault);
    }
    await Promise.all([...targets].map(([target, fault]) => strike(scene, random, fault, target, o)));
    await delay(random.between(500, 2_000));
  }
}

async function strike(scene: Scene, random: Random, fault: Fault, target: string, o: Torment): Promise<void> {
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
  const { note, to } = injected;
  o.say(`${fault.name}: ${target}${note ? `, ${note}` : ''}, ${to - from} ms`);
}
