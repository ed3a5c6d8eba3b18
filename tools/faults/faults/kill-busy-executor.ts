import { until } from '@mortise/testing';
import { killAndWait, type Fault } from '../fault.ts';
import { busiest } from '../tables.ts';

/** kill -9 of the executor that has claimed the most runs, in the middle of them. */
export const killBusyExecutor: Fault = {
  name: 'kill -9 executor mid-run',
  stops: true,
  aim: ({ databaseUrl }) =>
    until(() => busiest(databaseUrl), 'an executor is at work').catch(() => undefined),
  strike: killAndWait,
};
