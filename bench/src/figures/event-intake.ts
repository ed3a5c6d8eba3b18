// Events of one tenant, all of one key: from the bus to the commands they ask for, durable in the scheduler's outbox.
import { Bus, encodeCloudEvent, MemoryBroker } from '@mortise/bus';
import { InstallationState } from '@mortise/contracts';
import { migrations, schedulerEnv, start } from '@mortise/scheduler';
import { createLogger, loadEnv, newId } from '@mortise/service-kit';
import { installation } from '@mortise/testing';
import { withDatabase } from '../database.ts';
import { repeat, type Figure, type Measured } from '../figure.ts';
import { load, shown, type Load } from '../load.ts';

const logger = createLogger({ service: 'bench', level: 'warn' });
const events = 10_000;
const senders = 512;

/** A bus that stands for the rest of the platform, beside a running scheduler. */
const withScheduler = <T>(use: (bus: Bus) => Promise<T>): Promise<T> =>
  withDatabase(migrations, async (_db, url) => {
    const env = loadEnv(schedulerEnv, {
      BUS: 'memory',
      DATABASE_URL: url,
      METRICS_PORT: '0',
      PORT: '0',
      MORTISE_INTERNAL_KEY: 'k'.repeat(32),
    });
    const broker = new MemoryBroker();
    const bus = Bus.create({ service: 'executor', instanceId: 'bench', env, broker, logger });
    bus.consume({ topic: 'executions.background', ordering: 'none', handler: async () => {} });
    await bus.start();
    const service = await start(env, { broker, logger });
    try {
      return await use(bus);
    } finally {
      await service.close();
      await bus.close();
    }
  });

export const eventIntake: Figure = {
  id: 'EVENTS',
  what: `${events} events of one tenant, one match each, from the bus into the outbox`,
  unit: 'events/s',
  target: '>= 3,000 events/s',
  ok: ({ value }) => value >= 3_000,
  measure: (): Promise<Measured> =>
    withScheduler(async (bus) => {
      const state = installation({ events: [{ on: 'order.*', function: 'run' }] });
      await bus.publish(InstallationState, state);
      const { tenantId } = state;
      const send = () => {
        const at = new Date().toISOString();
        const event = {
          id: newId(),
          source: '/bench',
          type: 'order.paid',
          time: at,
          acceptedAt: at,
          tenantId,
        };
        return bus.send([encodeCloudEvent({ ...event, data: 'x'.repeat(400) }, 'platform-events', tenantId)]);
      };
      const seen: Load[] = [];
      const measured = await repeat(5, async () => {
        const one = await load(senders, events, send);
        seen.push(one);
        return one.perSecond;
      });
      return {
        ...measured,
        note: `sender, scheduler and relay in one process: ${shown(seen.at(-1) as Load)}`,
      };
    }),
};
