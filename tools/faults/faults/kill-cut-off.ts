import { setTimeout as delay } from 'node:timers/promises';
import { killAndWait, type Fault } from '../fault.ts';
import { services } from '../scene.ts';

/** kill -9 of a service that has been without the broker for a while: what it still had to send is only in its tables. */
export const killCutOff: Fault = {
  name: 'kill -9 service without broker',
  stops: true,
  aim: async (_scene, random) => random.pick(services),
  strike: async (scene, target) => {
    const proxy = scene.proxies.get(target);
    await proxy?.set({ kind: 'gone' });
    await delay(2_000);
    const back = killAndWait(scene, target);
    // A service is not ready before it has reached the broker.
    await proxy?.set({ kind: 'clear' });
    return back;
  },
};
