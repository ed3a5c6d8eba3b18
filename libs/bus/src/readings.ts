import { metrics, type Logger } from '@mortise/service-kit';
import type { Transport } from './transport.js';

const lag = metrics.gauge('mortise_bus_lag_records');
const inFlight = metrics.gauge('mortise_bus_in_flight_records');
const paused = metrics.gauge('mortise_bus_paused_partitions');

/** How one group of this process stands on one topic. */
export interface Reading {
  /** Solo groups without the name of the instance. */
  group: string;
  topic: string;
  /** Records that the group has not finished, in the partitions this process has. */
  lag: number;
  inFlight: number;
  pausedPartitions: number;
}

/** A group as metrics name it: an instance's name would make a new series with each start. */
export const groupLabel = (group: string): string =>
  group.startsWith('solo.') ? group.split('.').slice(0, 3).join('.') : group;

/** Shows how the groups of a running bus stand. @returns what ends it */
export function showReadings(transport: Transport, logger: Logger): () => void {
  // The three gauges are read in one scrape: the brokers are asked once.
  let reading: Promise<Reading[]> | undefined;
  const read = (): Promise<Reading[]> => {
    reading ??= transport
      .readings()
      .catch((error: unknown) => {
        logger.debug({ err: error }, 'the consumers could not be read');
        return [];
      })
      .finally(() => setImmediate(() => (reading = undefined)));
    return reading;
  };
  const show = (gauge: typeof lag | typeof inFlight | typeof paused, value: (one: Reading) => number) =>
    gauge.watch(async (see) => {
      for (const one of await read()) see(value(one), { group: one.group, topic: one.topic });
    });
  const ends = [
    show(lag, (one) => one.lag),
    show(inFlight, (one) => one.inFlight),
    show(paused, (one) => one.pausedPartitions),
  ];
  return () => ends.forEach((end) => end());
}
