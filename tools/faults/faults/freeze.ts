import { setTimeout as delay } from 'node:timers/promises';
import type { Fault } from '../fault.ts';
import { services } from '../scene.ts';

const frozenMs = 10_000;

/** A service that stands still and does not know it: SIGSTOP, and SIGCONT 10 s later. */
export const freeze: Fault = {
  name: 'SIGSTOP 10 s',
  stops: true,
  aim: async (_scene, random) => random.pick(services),
  strike: async ({ pidOf }, name) => {
    const pid = await pidOf(name);
    process.kill(pid, 'SIGSTOP');
    try {
      await delay(frozenMs);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    return undefined;
  },
};
