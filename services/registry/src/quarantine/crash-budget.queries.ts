import type { KillEvidence, SecurityViolationData } from '@mortise/contracts';
import type { Tx } from '@mortise/database';

const keepDays = 30;

export type Killed = SecurityViolationData & { digest: string; kill: KillEvidence };

/** Told twice it is kept once. */
export async function keepKill(tx: Tx, killed: Killed): Promise<void> {
  await tx.query(
    `insert into kills (execution_id, at, tenant_id, installation_id, plugin_id, digest, evidence)
     values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing`,
    [
      ...[killed.executionId, killed.at, killed.tenantId, killed.installationId, killed.pluginId],
      ...[killed.digest, JSON.stringify(killed.kill)],
    ],
  );
  await tx.query('delete from kills where at < now() - make_interval(days => $1)', [keepDays]);
}

/** What an installation has had killed lately and not been suspended for yet, the latest first. */
export async function unspentKills(
  tx: Tx,
  { installationId, digest }: Killed,
  minutes: number,
): Promise<KillEvidence[]> {
  const rows = await tx.query<{ evidence: KillEvidence }[]>(
    `select evidence from kills where installation_id = $1 and digest = $2 and not spent
       and at > now() - make_interval(mins => $3) order by at desc`,
    [installationId, digest, minutes],
  );
  return rows.map(({ evidence }) => evidence);
}

export async function spend(tx: Tx, { installationId }: Killed): Promise<void> {
  await tx.query('update kills set spent = true where installation_id = $1 and not spent', [installationId]);
}

/**
 * How many tenants had an installation of the package suspended lately. Who filled a worker's memory is certain only of
 * one that was alone in it: a neighbour of the same tenant could fill it and leave the last drop to another, and three
 * tenants of one attacker would stop somebody else's package everywhere.
 */
export async function tenantsStopped(tx: Tx, { digest }: Killed, minutes: number): Promise<number> {
  const [row] = await tx.query<{ tenants: number }[]>(
    `select count(distinct tenant_id)::integer as tenants from kills
     where digest = $1 and spent and at > now() - make_interval(mins => $2)
       and (evidence ->> 'reason' not in ('memory_cap', 'parked') or evidence -> 'neighbours' = '0')`,
    [digest, minutes],
  );
  return row?.tenants ?? 0;
}
