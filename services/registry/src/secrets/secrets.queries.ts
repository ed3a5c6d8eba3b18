import type { Tx } from '@mortise/database';

export interface SecretRow {
  key: string;
  version: number;
  sealed: Buffer;
  updated_at: Date;
}

export function secretRows(tx: Tx, tenantId: string, installationId: string): Promise<SecretRow[]> {
  return tx.query<SecretRow[]>(
    'select key, version, sealed, updated_at from secrets where tenant_id = $1 and installation_id = $2 order by key',
    [tenantId, installationId],
  );
}

export async function putSecret(
  tx: Tx,
  place: { tenantId: string; installationId: string; key: string; version: number },
  sealed: Buffer,
): Promise<void> {
  await tx.query(
    `insert into secrets (tenant_id, installation_id, key, version, sealed) values ($1, $2, $3, $4, $5)
     on conflict (tenant_id, installation_id, key)
       do update set version = excluded.version, sealed = excluded.sealed, updated_at = now()`,
    [place.tenantId, place.installationId, place.key, place.version, sealed],
  );
}

export async function removeSecret(
  tx: Tx,
  tenantId: string,
  installationId: string,
  key: string,
): Promise<void> {
  await tx.query('delete from secrets where tenant_id = $1 and installation_id = $2 and key = $3', [
    tenantId,
    installationId,
    key,
  ]);
}

export async function tenantKey(tx: Tx, tenantId: string): Promise<Buffer | undefined> {
  const [row] = await tx.query<{ sealed: Buffer }[]>('select sealed from tenant_keys where tenant_id = $1', [
    tenantId,
  ]);
  return row?.sealed;
}

/** Keeps the first key when several are made at once. */
export async function addTenantKey(tx: Tx, tenantId: string, sealed: Buffer): Promise<void> {
  await tx.query(
    'insert into tenant_keys (tenant_id, sealed) values ($1, $2) on conflict (tenant_id) do nothing',
    [tenantId, sealed],
  );
}
