import { killAndWait, type Fault } from '../fault.ts';
import { services } from '../scene.ts';

/** kill -9 of a service, one card for each kind. */
export const killService = (kind: string): Fault => ({
  name: `kill -9 ${kind}`,
  stops: true,
  aim: async (_scene, random) => random.pick(services.filter((name) => name.startsWith(kind))),
  strike: killAndWait,
});
