import { killAndWait, type Fault } from '../fault.ts';

/** kill -9 of what the services stand on; it is started again over the same data. */
export const killBackend = (name: 'kafka' | 'postgres', what: string): Fault => ({
  name: `kill -9 ${what}`,
  stops: true,
  aim: async () => name,
  strike: killAndWait,
});
