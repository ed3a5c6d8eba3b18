import { setTimeout as delay } from 'node:timers/promises';
import { startedAgain } from '../cluster/cluster.ts';
import type { Random } from '@mortise/testing';
import type { Scene } from './scene.ts';

/** One way to break something, and to let it heal. */
export interface Fault {
  name: string;
  /** The target dies or stands still: whoever speaks to it then hears nothing, and what it ran may run again. */
  stops?: boolean;
  /** Picks what it hits; undefined when there is nothing to hit just now. */
  aim: (scene: Scene, random: Random) => Promise<string | undefined>;
  /** Breaks the target and resolves when it is whole again; may say what it did. */
  strike: (scene: Scene, target: string, random: Random) => Promise<string | undefined>;
}

const backWithinMs = 60_000;

/** Ends a process without a word and waits until its keeper has it back. */
export async function killAndWait({ folder, pidOf }: Scene, name: string): Promise<undefined> {
  const pid = await pidOf(name);
  process.kill(pid, 'SIGKILL');
  await within(startedAgain(folder, name, pid), `${name} comes back`);
}

export async function within<T>(work: Promise<T>, what: string): Promise<T> {
  const limit = new AbortController();
  const late = delay(backWithinMs, undefined, { signal: limit.signal }).then(() => {
    throw new Error(`not within ${backWithinMs} ms: ${what}`);
  });
  late.catch(() => {});
  return Promise.race([work, late]).finally(() => limit.abort());
}
