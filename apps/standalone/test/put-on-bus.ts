import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BusRecord } from '@mortise/bus';
import { Database, Outbox } from '@mortise/database';
import { createLogger } from '@mortise/service-kit';
import { inject } from 'vitest';

const { operator, dataDir = '' } = inject('platform');

async function databaseUrl(): Promise<string> {
  if (operator?.['DATABASE_URL'] !== undefined) return operator['DATABASE_URL'];
  const state = await readFile(join(dataDir, 'postgres/mortise.json'), 'utf8');
  const { password, port } = JSON.parse(state) as { password: string; port: number };
  return `postgres://mortise:${password}@127.0.0.1:${port}/mortise`;
}

/**
 * Puts records on the platform's own bus, whatever is wrong with them: as rows of the registry's outbox, which the
 * registry sends as it sends its own. The bus of one process has no other door.
 */
export async function putOnBus(...records: BusRecord[]): Promise<void> {
  const logger = createLogger({ service: 'test', level: 'silent' });
  const db = await Database.connect({ url: await databaseUrl(), service: 'registry', logger });
  try {
    const noBus = { send: async () => {}, redeliver: async () => {} };
    await db.system((tx) => new Outbox({ db, bus: noBus, logger }).addRecords(tx, records));
  } finally {
    await db.close();
  }
}
