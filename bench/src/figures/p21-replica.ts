// One replica of the scheduler: fires until nothing is due any more, or for some time as it does in a service.
import { setTimeout as delay } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import type { States } from '@mortise/bus';
import { Database, Outbox } from '@mortise/database';
import { ScheduleLoop } from '@mortise/scheduler';
import { createLogger } from '@mortise/service-kit';
import { installation } from '@mortise/testing';

const logger = createLogger({ service: 'bench', level: 'warn' });
const { url } = workerData as { url: string };
const db = await Database.connect({ url, service: 'scheduler', logger });
// Every installation is known, active and not quarantined.
const active = installation();
const states = {
  installations: { get: () => active },
  plugins: { get: () => undefined },
} as unknown as States;
const outbox = new Outbox({ db, bus: { send: async () => {}, redeliver: async () => {} }, logger });
const loop = new ScheduleLoop(db, outbox, states, logger);
await loop.tick();
parentPort?.postMessage('ready');
parentPort?.once('message', ({ forMs }: { forMs?: number }) => {
  void (async () => {
    if (forMs === undefined) while ((await loop.tick()) > 0);
    else {
      loop.start();
      await delay(forMs);
      await loop.close();
    }
    parentPort?.postMessage('done');
    await db.close();
  })();
});
