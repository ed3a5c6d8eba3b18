// A process that relays the registry's outbox to its parent, which plays the bus, until the parent kills it.
import type { BusRecord } from '@mortise/bus';
import { Database } from '../src/database.js';
import { Outbox } from '../src/outbox/outbox.js';
import { createLogger } from '@mortise/service-kit';

const [url = ''] = process.argv.slice(3);
const logger = createLogger({ service: 'registry', level: 'silent' });
const db = await Database.connect({ url, service: 'registry', logger });
const waiting = new Map<number, () => void>();
let calls = 0;

const toParent = (records: BusRecord[]) =>
  new Promise<void>((resolve) => {
    const call = ++calls;
    waiting.set(call, resolve);
    process.send?.({ call, records: records.map(({ key, value }) => ({ key, value: String(value) })) });
  });
process.on('message', (call: number) => waiting.get(call)?.());

const outbox = new Outbox({ db, bus: { send: toParent, redeliver: async () => {} }, logger });
await outbox.start();
