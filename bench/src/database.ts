// A PostgreSQL of its own with one service's schema, for as long as a figure takes.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  Database,
  migrate,
  startEmbeddedPostgres,
  type DatabaseOptions,
  type MigrationSet,
} from '@mortise/database';
import { createLogger } from '@mortise/service-kit';

export async function withDatabase<T>(
  migrations: MigrationSet,
  use: (db: Database, url: string) => Promise<T>,
  options: Pick<DatabaseOptions, 'entities' | 'statementMs'> = {},
): Promise<T> {
  const logger = createLogger({ service: 'bench', level: 'warn' });
  const folder = await mkdtemp(join(tmpdir(), 'mortise-bench-db-'));
  const postgres = await startEmbeddedPostgres({ dataDir: join(folder, 'postgres') });
  try {
    await migrate(postgres.url, [migrations], logger);
    const db = await Database.connect({ url: postgres.url, service: migrations.service, logger, ...options });
    try {
      return await use(db, postgres.url);
    } finally {
      await db.close();
    }
  } finally {
    await postgres.close();
    await rm(folder, { recursive: true, force: true });
  }
}
