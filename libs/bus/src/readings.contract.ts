import { newId, scrape } from '@mortise/service-kit';
import { until } from '@mortise/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Twin } from './bus.contract.js';
import type { BusRecord } from './record.js';

const topic = 'executions.background';
const records = (count: number): BusRecord[] =>
  Array.from({ length: count }, () => ({ topic, key: 'one', value: Buffer.from('x'), headers: {} }));

/** What /metrics says of the groups of a bus, the same on both transports. */
export function readingsContract(name: string, makeTwin: () => Promise<Twin>): void {
  describe(`the metrics of the bus on ${name}`, () => {
    let twin: Twin;
    let group: string;
    beforeEach(async () => {
      twin = await makeTwin();
      group = `g${newId().slice(-8)}`;
    });
    afterEach(() => twin.close());

    const values = async () => {
      const text = await scrape();
      const value = (metric: string) =>
        Number(new RegExp(`^${metric}\\{group="${group}",topic="${topic}"\\} (\\S+)$`, 'm').exec(text)?.[1]);
      return {
        lag: value('mortise_bus_lag_records'),
        inFlight: value('mortise_bus_in_flight_records'),
        paused: value('mortise_bus_paused_partitions'),
        retries: value('mortise_bus_retries_total'),
      };
    };

    it('tell how far a group is behind, also while it takes nothing, and when it has caught up', async () => {
      const { promise: opened, resolve: open } = Promise.withResolvers<void>();
      const bus = twin.bus({ service: 'executor' });
      bus.consume({ topic, group, ordering: 'none', maxInFlight: 2, handler: () => opened });
      await bus.start();

      void bus.send(records(20));
      await until(async () => {
        const now = await values();
        return now.lag === 20 && now.paused === 1 && now.inFlight >= 4;
      }, 'the group lags by what was sent');
      // Nothing of these is read: only who has the log knows of them.
      void bus.send(records(5));
      await until(async () => (await values()).lag === 25, 'the group lags by what came meanwhile, too');
      open();

      await until(async () => {
        const { lag, inFlight, paused } = await values();
        return lag === 0 && inFlight === 0 && paused === 0;
      }, 'nothing is left');
      await bus.close();
    });

    it('count the tries of what fails by group and topic', async () => {
      const bus = twin.bus({
        service: 'executor',
        retry: { firstDelayMs: 5, secondDelayMs: 10, totalMs: 60 },
      });
      let tries = 0;
      bus.consume({
        topic,
        group,
        handler: async () => {
          if (++tries < 3) throw new Error('not yet');
        },
      });
      await bus.start();

      await bus.send(records(1));
      await until(() => tries === 3, 'the third try');

      expect((await values()).retries).toBe(2);
      await bus.close();
    });
  });
}
