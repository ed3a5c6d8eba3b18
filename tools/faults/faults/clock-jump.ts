import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Fault } from '../fault.ts';
import { services } from '../scene.ts';

const jumpsMs = [-45_000, -5_000, 5_000, 45_000];

/** The clock of one service jumps, and jumps back. See clock.mjs. */
export const clockJump: Fault = {
  name: 'clock jump',
  aim: async (_scene, random) => random.pick(services),
  strike: async ({ folder, pidOf }, name, random) => {
    const jumpMs = random.pick(jumpsMs);
    const pid = await pidOf(name);
    const set = async (offsetMs: number) => {
      await writeFile(join(folder, `clock-${name}`), String(offsetMs));
      process.kill(pid, 'SIGUSR2');
    };
    await set(jumpMs);
    await delay(5_000).finally(() => set(0));
    return `${jumpMs / 1_000} s`;
  },
};
