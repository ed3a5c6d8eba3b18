import { Injectable, Logger } from '@nestjs/common';
import { Bus } from '@mortise/bus';
import {
  Control,
  PluginQuarantined,
  PluginReleased,
  PluginState,
  type Page,
  type PageQuery,
  type Principal,
  type QuarantineBody,
  type QuarantineDto,
} from '@mortise/contracts';
import { Database, Outbox, placeOf, toPage, type Tx } from '@mortise/database';
import { AppError, newId } from '@mortise/service-kit';
import { isId } from '../ids.js';
import { storableText } from '../projections/json-text.js';
import { pluginStateOf } from '../state/plugin-state.js';
import { quarantinePage, quarantineRow, toQuarantineDto, type QuarantineRow } from './quarantine.queries.js';

/** Stops versions everywhere, in every tenant, and lets them run again. */
@Injectable()
export class QuarantineService {
  private readonly logger = new Logger(QuarantineService.name);

  constructor(
    private readonly db: Database,
    private readonly outbox: Outbox,
    private readonly bus: Bus,
  ) {}

  async list(query: PageQuery): Promise<Page<QuarantineDto>> {
    const place = placeOf(query);
    return toPage(place, await this.db.system((tx) => quarantinePage(tx, place)), toQuarantineDto);
  }

  /** A version that is quarantined already answers with what stands. @throws AppError VERSION_NOT_FOUND */
  quarantine(caller: Principal, { versionId, reason }: QuarantineBody): Promise<QuarantineDto> {
    return this.stop(versionId, reason, caller.subject);
  }

  /** As `quarantine`, for the platform itself. */
  async stop(versionId: string, reason: string, by: string): Promise<QuarantineDto> {
    const row = await this.db.system(async (tx) => {
      const [version] = isId(versionId)
        ? await tx.query<{ tenant_id: string; plugin_id: string }[]>(
            'select tenant_id, plugin_id from versions where id = $1',
            [versionId],
          )
        : [];
      if (!version) throw new AppError('VERSION_NOT_FOUND', { version: versionId, plugin: 'any plugin' });
      const [made] = await tx.query<{ id: string }[]>(
        `insert into quarantines (id, tenant_id, plugin_id, version_id, reason, created_by) values ($1, $2, $3, $4, $5, $6)
         on conflict (version_id) where released_at is null do nothing returning id`,
        [newId(), version.tenant_id, version.plugin_id, versionId, storableText(reason), by],
      );
      const stands = await quarantineRow(tx, made ? { id: made.id } : { openOf: versionId });
      if (!stands) throw new AppError('CONFLICT', { reason: 'it was released at this very moment: retry' });
      if (made) await this.tell(tx, stands, 'quarantined');
      return stands;
    });
    this.hasten(row);
    return toQuarantineDto(row);
  }

  /** @throws AppError QUARANTINE_NOT_FOUND, also for one that was released */
  async release(id: string): Promise<QuarantineDto> {
    return this.db.system(async (tx) => {
      const [, count] = await tx.query<[unknown, number]>(
        'update quarantines set released_at = now() where id = $1 and released_at is null',
        [id],
      );
      const row = count === 1 ? await quarantineRow(tx, { id }) : undefined;
      if (!row) throw new AppError('QUARANTINE_NOT_FOUND', { id });
      await this.tell(tx, row, 'released');
      return toQuarantineDto(row);
    });
  }

  /** State says it too, whenever the bus is back: who quarantines waits neither for this nor fails with it. */
  private hasten({ digest, reason }: QuarantineRow): void {
    this.bus
      .publish(Control, { action: 'quarantine', target: digest, reason })
      .catch((error: unknown) => this.logger.warn(`a quarantine could not be hastened: ${String(error)}`));
  }

  private async tell(tx: Tx, row: QuarantineRow, state: 'quarantined' | 'released'): Promise<void> {
    await tx.query('update plugins set revision = revision + 1 where id = $1', [row.plugin_id]);
    const meta = { tenantId: row.tenant_id };
    const event = state === 'quarantined' ? PluginQuarantined : PluginReleased;
    const at = (row.released_at ?? row.created_at).toISOString();
    await this.outbox.add(tx, PluginState, await pluginStateOf(tx, row.plugin_id), meta);
    await this.outbox.add(
      tx,
      event,
      {
        pluginId: row.plugin_id,
        versionId: row.version_id,
        quarantineId: row.id,
        state,
        reason: row.reason,
        at,
      },
      meta,
    );
  }
}
