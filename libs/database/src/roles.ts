import { serviceNames, type ServiceName } from '@mortise/contracts';
import type { Client } from 'pg';
import { connect, databaseOf, sqlState } from './connection.js';

/** The role of `db.tx`: sees the rows of one tenant. */
export const tenantRole = (service: ServiceName): string => `mortise_${service}`;
/** The role of `db.system`: sees the rows of all tenants (outbox, projections, sweeps). */
export const systemRole = (service: ServiceName): string => `mortise_${service}_system`;
/** All roles of the house, none of which can log in. */
export const allRoles: readonly string[] = serviceNames.flatMap((service) => [
  tenantRole(service),
  systemRole(service),
]);

const rolesLock = 'select pg_advisory_lock(7305010001)';
const duplicate = new Set(['42710', '23505']);

/**
 * Creates the roles and lets the migrating login set them. Roles belong to the whole cluster while advisory locks
 * belong to one database, so the lock is taken in `postgres`, where every database's migration meets.
 */
export async function ensureRoles(url: string): Promise<void> {
  const client = await connectForRoles(url);
  try {
    await client.query(rolesLock);
    for (const role of allRoles) await ensureRole(client, role);
  } finally {
    await client.end();
  }
}

async function connectForRoles(url: string): Promise<Client> {
  try {
    return await connect(databaseOf(url, 'postgres'), 'mortise-roles');
  } catch (error) {
    // Some providers have no `postgres` database or keep it closed: creation below stands a race, the lock only
    // makes it quiet.
    if (!['3D000', '42501', '28000'].includes(sqlState(error) ?? '')) throw error;
    return connect(url, 'mortise-roles');
  }
}

async function ensureRole(client: Client, role: string): Promise<void> {
  const { rows } = await client.query<{ exists: boolean; may: boolean }>(
    `select exists (select from pg_roles where rolname = $1) as exists,
            exists (select from pg_roles where rolname = $1 and pg_has_role(current_user, oid, 'SET')) as may`,
    [role],
  );
  if (!rows[0]?.exists) {
    try {
      await client.query(`create role ${role} nologin noinherit nobypassrls`);
    } catch (error) {
      if (!duplicate.has(sqlState(error) ?? '')) throw error;
    }
  }
  if (rows[0]?.may) return;
  try {
    await client.query(`grant ${role} to current_user with inherit false, set true`);
  } catch (error) {
    if (sqlState(error) !== '42501') throw error;
    throw new Error(
      `The login of DATABASE_URL may not use the role ${role}, which another login created: run "grant ${role} to <login> with inherit false, set true" as an administrator`,
      { cause: error },
    );
  }
}
