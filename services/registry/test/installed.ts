import type { InstallationStatus, Manifest } from '@mortise/contracts';
import { Database } from '@mortise/database';
import { createLogger, newId } from '@mortise/service-kit';
import { testDatabase } from '@mortise/testing';
import { entities } from '../src/entities.js';
import { migrations } from '../src/migrations/set.js';

export const logger = createLogger({ service: 'test', level: 'silent' });

/** A registry database of one test file. */
export async function registryDatabase(): Promise<{ db: Database; close(): Promise<void> }> {
  const database = await testDatabase([migrations]);
  const db = await Database.connect({ url: database.url, service: 'registry', entities, logger });
  return {
    db,
    close: async () => {
      await db.close();
      await database.drop();
    },
  };
}

export interface Installed {
  tenantId: string;
  installationId: string;
  pluginId: string;
  versionId: string;
  slug: string;
}

/** A plugin with one version, installed; as rows, since how it got there is not what is tested. */
export async function install(
  db: Database,
  o: { tenantId?: string; status?: InstallationStatus; manifest?: Partial<Manifest> } = {},
): Promise<Installed> {
  const { tenantId = newId(), status = 'active' } = o;
  const [installationId, pluginId, versionId] = [newId(), newId(), newId()];
  const slug = `p-${pluginId.slice(-12)}`;
  const manifest: Manifest = {
    manifestVersion: 1,
    slug,
    name: 'A plugin',
    version: '1.0.0',
    runtime: 'js',
    main: 'index.js',
    isolation: 'isolate',
    functions: { greet: {} },
    ...o.manifest,
  };
  await db.tx(tenantId, async (tx) => {
    await tx.query('insert into publishers (id, tenant_id, slug) values ($1, $2, $3)', [
      newId(),
      tenantId,
      slug,
    ]);
    await tx.query(
      `insert into plugins (id, tenant_id, publisher, slug, name, latest_version) values ($1, $2, $3, $3, 'A plugin', '1.0.0')`,
      [pluginId, tenantId, slug],
    );
    await tx.query(
      `insert into versions (id, tenant_id, plugin_id, version, digest, size_bytes, status, manifest, warnings)
       values ($1, $2, $3, '1.0.0', $4, 1, 'validated', $5, '{}')`,
      [versionId, tenantId, pluginId, 'a'.repeat(64), manifest],
    );
    await tx.query(
      `insert into installations (id, tenant_id, plugin_id, version_id, status, config) values ($1, $2, $3, $4, $5, '{}')`,
      [installationId, tenantId, pluginId, versionId, status],
    );
  });
  return { tenantId, installationId, pluginId, versionId, slug };
}
