import type { InstallationStatus } from '@mortise/contracts';
import type { InstallationStateData } from '@mortise/contracts';
import type { Database } from '@mortise/database';
import { In, IsNull, MoreThan, Not } from 'typeorm';
import { Grant } from '../grants/grant.entity.js';
import { Installation } from '../installations/installation.entity.js';
import { stateRecord } from '../installations/state-record.js';
import { Plugin } from '../plugins/plugin.entity.js';
import { Version } from '../versions/version.entity.js';

const pageRows = 500;

/** Every installation's state, in pages: a transaction is not kept open while somebody consumes. */
export async function* installationStates(db: Database): AsyncGenerator<InstallationStateData> {
  for (let after = '00000000-0000-0000-0000-000000000000'; ;) {
    const from = after;
    const page = await db.system(async (tx) => {
      const rows = await tx.find(Installation, {
        where: { id: MoreThan(from), status: Not<InstallationStatus>('uninstalled') },
        order: { id: 'asc' },
        take: pageRows,
      });
      const plugins = new Map(
        (await tx.findBy(Plugin, { id: In(rows.map(({ pluginId }) => pluginId)) })).map((plugin) => [
          plugin.id,
          plugin,
        ]),
      );
      const versions = new Map(
        (await tx.findBy(Version, { id: In(rows.map(({ versionId }) => versionId)) })).map((version) => [
          version.id,
          version,
        ]),
      );
      const grants = await tx.findBy(Grant, {
        installationId: In(rows.map(({ id }) => id)),
        revokedAt: IsNull(),
      });
      return rows.map((row) => {
        const plugin = plugins.get(row.pluginId);
        const version = versions.get(row.versionId);
        if (!plugin || !version) throw new Error(`installation ${row.id} has no plugin or version`);
        return stateRecord(
          row,
          plugin,
          version,
          grants.filter(({ installationId }) => installationId === row.id),
        );
      });
    });
    yield* page;
    if (page.length < pageRows) return;
    after = page[page.length - 1]?.installationId ?? after;
  }
}
