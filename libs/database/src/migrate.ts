import { serviceNames, type ServiceName } from '@mortise/contracts';
import type { Logger } from '@mortise/service-kit';
import type { Client } from 'pg';
import { connect } from './connection.js';
import {
  pendingMigrations,
  readMigrations,
  type AppliedMigration,
  type MigrationSet,
} from './migration-files.js';
import { allRoles, ensureRoles, systemRole, tenantRole } from './roles.js';

const ledger = `
  create schema if not exists mortise;
  create table if not exists mortise.migrations (
    service text not null,
    file text not null,
    checksum text not null,
    applied_at timestamptz not null default now(),
    primary key (service, file)
  )`;

/**
 * Brings the database up to date: roles, schemas, each service's outbox and inbox, then each set's files. Safe to
 * call from several processes at once, and again.
 * @param url a login that owns the database: a superuser or one with CREATEROLE. It owns all tables; services run
 *   in roles that own nothing.
 * @returns the files that ran now, as `registry/0001-plugins.sql`
 */
export async function migrate(
  url: string,
  sets: MigrationSet[],
  logger?: Pick<Logger, 'info'>,
): Promise<{ applied: string[] }> {
  await ensureRoles(url);
  const client = await connect(url, 'mortise-migrate');
  const applied: string[] = [];
  try {
    await client.query(`select pg_advisory_lock(7305010002)`);
    await client.query(`set client_min_messages to warning; ${ledger}`);
    applied.push(
      ...(await apply(
        client,
        'mortise',
        await readMigrations(new URL('./platform/mortise/', import.meta.url)),
      )),
    );
    await client.query(platformGrants);
    const platform = await readMigrations(new URL('./platform/service/', import.meta.url), 'platform/');
    for (const service of serviceNames) {
      await client.query(schemaOf(service));
      applied.push(...(await apply(client, service, platform)));
    }
    for (const { service, directory } of sets)
      applied.push(...(await apply(client, service, await readMigrations(directory))));
  } finally {
    await client.end();
  }
  if (applied.length > 0) logger?.info({ files: applied.length }, 'database migrated');
  return { applied };
}

const platformGrants = `
  grant usage on schema mortise to ${allRoles.join(', ')};
  grant execute on function mortise.ensure_partitions, mortise.drop_partitions
    to ${serviceNames.map(systemRole).join(', ')}`;

const schemaOf = (service: ServiceName) => `
  create schema if not exists ${service};
  grant usage on schema ${service} to ${tenantRole(service)}, ${systemRole(service)}`;

async function apply(
  client: Client,
  schema: ServiceName | 'mortise',
  files: Awaited<ReturnType<typeof readMigrations>>,
): Promise<string[]> {
  const { rows } = await client.query<AppliedMigration>(
    `select file, checksum from mortise.migrations where service = $1 and (file like 'platform/%') = $2`,
    [schema, files[0]?.name.startsWith('platform/') ?? false],
  );
  const done: string[] = [];
  for (const { name, sql, checksum } of pendingMigrations(`${schema}/`, files, rows)) {
    await client.query(`begin; set local search_path to ${schema}; set local lock_timeout to '15s'`);
    try {
      await client.query(sql);
      await client.query(`insert into mortise.migrations (service, file, checksum) values ($1, $2, $3)`, [
        schema,
        name,
        checksum,
      ]);
      await client.query('commit');
    } catch (error) {
      await client.query('rollback').catch(() => {});
      const text = error instanceof Error ? error.message : String(error);
      throw new Error(`Migration ${schema}/${name} failed and was undone: ${text}`, { cause: error });
    }
    done.push(`${schema}/${name}`);
  }
  return done;
}
