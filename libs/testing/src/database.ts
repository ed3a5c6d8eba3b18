import type { ServiceName } from '@mortise/contracts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the run's databases are asked for. */
    databases: string;
    /** A missing Kafka or S3 is a failure, not a reason to skip. */
    requireCluster: boolean;
  }
}

/** What each service exports as `migrations`. */
export interface TestMigrations {
  service: ServiceName;
  directory: URL;
}

export interface TestDatabase {
  /** Login: the owner, who may create roles and databases but is no superuser. */
  url: string;
  drop(): Promise<void>;
}

/** A database of its own for a test file, migrated: a copy of a template that the first call with these sets made. */
export const testDatabase = (sets: TestMigrations[]): Promise<TestDatabase> =>
  create({ sets: sets.map(({ service, directory }) => ({ service, directory: directory.href })) });

/** A database with nothing in it, for tests of migrations. */
export const emptyDatabase = (): Promise<TestDatabase> => create({});

/** The run's PostgreSQL, started by the first call of any of these. */
export const postgresUrl = (): Promise<string> => ask('/server', 'GET');

async function create(wish: object): Promise<TestDatabase> {
  const url = await ask('/databases', 'POST', JSON.stringify(wish));
  return {
    url,
    drop: async () => {
      await ask(new URL(url).pathname, 'DELETE');
    },
  };
}

async function ask(path: string, method: string, body?: string): Promise<string> {
  // Not at the top: this package also serves programs that run outside of Vitest.
  const { inject } = await import('vitest');
  const answer = await fetch(`${inject('databases')}${path}`, {
    method,
    ...(body === undefined ? {} : { body }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(text);
  return text;
}
