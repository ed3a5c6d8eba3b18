import { setTimeout as delay } from 'node:timers/promises';
import type { Fault } from '../fault.ts';

/** Not one byte more fits into the package store. Needs a file system that may be mounted: left out without. */
export const diskFull: Fault = {
  name: 'disk full in the package store',
  aim: async ({ disk }) => (disk ? 's3' : undefined),
  strike: async ({ disk }) => {
    await disk?.fill();
    await delay(5_000).finally(() => disk?.free());
    return undefined;
  },
};
