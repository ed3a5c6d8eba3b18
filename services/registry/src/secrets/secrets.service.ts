import { Injectable } from '@nestjs/common';
import type { Principal, SecretDto, SecretValues } from '@mortise/contracts';
import { Database, type Tx } from '@mortise/database';
import { AppError } from '@mortise/service-kit';
import { InstallationChanges } from '../installations/installation-changes.js';
import { InstallationLookup } from '../installations/installation-lookup.js';
import type { Installation } from '../installations/installation.entity.js';
import { Version } from '../versions/version.entity.js';
import { addTenantKey, putSecret, removeSecret, secretRows, tenantKey } from './secrets.queries.js';
import { Vault } from './vault.js';

/** Secrets of installations: set and removed by the tenant's admin, read by executors only. */
@Injectable()
export class SecretsService {
  constructor(
    private readonly db: Database,
    private readonly vault: Vault,
    private readonly lookup: InstallationLookup,
    private readonly changes: InstallationChanges,
  ) {}

  /** What the manifest declares, and whether it is set; never a value. @throws AppError INSTALLATION_NOT_FOUND */
  async list(tenantId: string, installationId: string): Promise<SecretDto[]> {
    const installation = await this.lookup.installation(tenantId, installationId);
    return this.db.tx(tenantId, async (tx) => {
      const rows = new Map((await secretRows(tx, tenantId, installation.id)).map((row) => [row.key, row]));
      return (await declared(tx, installation)).map(({ key, required = false }) => {
        const updatedAt = rows.get(key)?.updated_at;
        return { key, set: updatedAt !== undefined, required, updatedAt: updatedAt?.toISOString() ?? null };
      });
    });
  }

  /** @throws AppError INSTALLATION_NOT_FOUND, SECRET_NOT_DECLARED, TRANSITION_NOT_ALLOWED */
  async put(caller: Principal, installationId: string, key: string, value: string): Promise<Installation> {
    const { tenantId } = caller;
    return this.change(caller, installationId, key, async (tx, installation) => {
      const place = { tenantId, installationId: installation.id, key, version: installation.secretsRevision };
      await putSecret(tx, place, this.vault.seal(await this.tenantKey(tx, tenantId), place, value));
    });
  }

  /** Removing what is not set is fine. @throws AppError INSTALLATION_NOT_FOUND, SECRET_NOT_DECLARED */
  async remove(caller: Principal, installationId: string, key: string): Promise<Installation> {
    return this.change(caller, installationId, key, (tx, { id }) =>
      removeSecret(tx, caller.tenantId, id, key),
    );
  }

  /** For executors. @throws AppError INSTALLATION_NOT_FOUND */
  async values(tenantId: string, installationId: string): Promise<SecretValues> {
    // The revision is read first: values that are newer than it says are only fetched once more.
    const { id, secretsRevision } = await this.lookup.installation(tenantId, installationId);
    return this.db.tx(tenantId, async (tx) => {
      const sealedKey = await tenantKey(tx, tenantId);
      const rows = sealedKey ? await secretRows(tx, tenantId, id) : [];
      const values = rows.map(({ key, version, sealed }) => [
        key,
        this.vault.open(sealedKey as Buffer, { tenantId, installationId: id, key, version }, sealed),
      ]);
      return { revision: secretsRevision, values: Object.fromEntries(values) as Record<string, string> };
    });
  }

  private async change(
    caller: Principal,
    installationId: string,
    key: string,
    write: (tx: Tx, installation: Installation) => Promise<void>,
  ): Promise<Installation> {
    const { id } = await this.lookup.installation(caller.tenantId, installationId);
    return this.changes.apply(caller.tenantId, id, 'set-secret', caller.subject, async (tx, installation) => {
      if (!(await declared(tx, installation)).some((secret) => secret.key === key))
        throw new AppError('SECRET_NOT_DECLARED', { key });
      installation.secretsRevision += 1;
      await write(tx, installation);
    });
  }

  private async tenantKey(tx: Tx, tenantId: string): Promise<Buffer> {
    const known = await tenantKey(tx, tenantId);
    if (known) return known;
    await addTenantKey(tx, tenantId, this.vault.newTenantKey(tenantId));
    const made = await tenantKey(tx, tenantId);
    if (!made) throw new Error(`the data key of tenant ${tenantId} was made and is not there`);
    return made;
  }
}

async function declared(tx: Tx, { tenantId, versionId }: Installation) {
  const { manifest } = await tx.findOneByOrFail(Version, { tenantId, id: versionId });
  return manifest.secrets ?? [];
}
