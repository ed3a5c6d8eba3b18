import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { connect, databaseOf, migrate, type MigrationSet } from '@mortise/database';
import type { Client } from 'pg';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where a test asks for the run's PostgreSQL; use `postgresUrl()`. */
    postgresControl: string;
    /** A missing Kafka or S3 is a failure, not a reason to skip. */
    requireCluster: boolean;
  }
}

/** The run's PostgreSQL, started by the first call: a login that may create databases and roles. */
export async function postgresUrl(): Promise<string> {
  // Not at the top: this package also serves programs that run outside of Vitest.
  const { inject } = await import('vitest');
  const answer = await fetch(inject('postgresControl'));
  const text = await answer.text();
  if (!answer.ok) throw new Error(text);
  return text;
}

export interface TestDatabase {
  url: string;
  drop(): Promise<void>;
}

/** A database of its own for a test file, migrated: a copy of a template that the first caller with these sets made. */
export async function testDatabase(sets: MigrationSet[]): Promise<TestDatabase> {
  const server = await postgresUrl();
  const template = `template_${await fingerprint(sets)}`;
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  const url = databaseOf(server, name);
  await withClient(server, async (client) => {
    await client.query('select pg_advisory_lock(7305010010)');
    const { rowCount } = await client.query('select from pg_database where datname = $1', [template]);
    if (rowCount === 0) await makeTemplate(client, server, template, sets);
    await client.query(`create database ${name} template ${template}`);
  });
  return {
    url,
    drop: () =>
      withClient(server, async (client) => {
        await client.query(`drop database if exists ${name} with (force)`);
      }),
  };
}

/** A database with nothing in it, for tests of migrations. */
export async function emptyDatabase(): Promise<TestDatabase> {
  const server = await postgresUrl();
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await withClient(server, (client) => client.query(`create database ${name}`));
  return {
    url: databaseOf(server, name),
    drop: () =>
      withClient(server, async (client) => {
        await client.query(`drop database if exists ${name} with (force)`);
      }),
  };
}

async function makeTemplate(
  client: Client,
  server: string,
  template: string,
  sets: MigrationSet[],
): Promise<void> {
  // Renamed when it is complete, so that a failed migration leaves no template behind.
  const draft = `draft_${randomUUID().replaceAll('-', '')}`;
  await client.query(`create database ${draft}`);
  try {
    await migrate(databaseOf(server, draft), sets);
    await client.query(`alter database ${draft} rename to ${template}`);
  } catch (error) {
    await client.query(`drop database if exists ${draft} with (force)`);
    throw error;
  }
}

async function fingerprint(sets: MigrationSet[]): Promise<string> {
  const hash = createHash('sha256');
  for (const { service, directory } of sets) {
    for (const name of (await readdir(directory)).sort())
      hash
        .update(`${service}/${name}\n`)
        .update(await readFile(new URL(name, `${directory.href.replace(/\/?$/, '/')}`)));
  }
  return hash.digest('hex').slice(0, 16);
}

async function withClient<T>(url: string, fn: (client: Client) => Promise<T>): Promise<T> {
  const client = await connect(url, 'mortise-test');
  try {
    return await fn(client);
  } finally {
    await client.end();
  }
}
