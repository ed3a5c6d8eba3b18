import { Inject, Injectable } from '@nestjs/common';
import { Bus } from '@mortise/bus';
import {
  Control,
  type ApiKeyBody,
  type ApiKeyCreatedDto,
  type ApiKeyDto,
  type ApiKeyListQuery,
  type Page,
} from '@mortise/contracts';
import { Database } from '@mortise/database';
import { AppError, newId, type Clock, type Logger } from '@mortise/service-kit';
import { In, Like } from 'typeorm';
import { Credentials } from '../credentials/credentials.js';
import { hashOf, newKey, prefixOf } from '../credentials/key.js';
import { clockToken, loggerToken } from '../parts.js';
import { placeOf, toPage } from '@mortise/database';
import { Tenant } from '../tenants/tenant.entity.js';
import { ApiKey } from './api-key.entity.js';

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** API keys of all tenants; a platform-admin's business. */
@Injectable()
export class ApiKeysService {
  constructor(
    private readonly db: Database,
    private readonly bus: Bus,
    private readonly credentials: Credentials,
    @Inject(clockToken) private readonly clock: Clock,
    @Inject(loggerToken) private readonly logger: Logger,
  ) {}

  /**
   * @param creator subject of who asks: `key:<prefix>`
   * @throws AppError TENANT_NOT_FOUND, INVALID_REQUEST when it would have ended already
   */
  async create(creator: string, body: ApiKeyBody): Promise<ApiKeyCreatedDto> {
    const expiresAt = body.expiresAt === undefined ? null : new Date(body.expiresAt);
    if (expiresAt && expiresAt.getTime() <= this.clock.now()) throw alreadyOver();
    const tenant = await this.tenant(body.tenant);
    const key = newKey();
    const row = await this.db.tx(tenant.id, (tx) =>
      tx.save(
        tx.create(ApiKey, {
          id: newId(),
          tenantId: tenant.id,
          prefix: prefixOf(key),
          hash: Buffer.from(hashOf(key), 'hex'),
          roles: [...new Set(body.roles)],
          createdBy: creator,
          expiresAt,
          revokedAt: null,
        }),
      ),
    );
    return { ...toDto(row, tenant.slug), key };
  }

  /** @throws AppError INVALID_CURSOR */
  async list(query: ApiKeyListQuery): Promise<Page<ApiKeyDto>> {
    const place = placeOf(query);
    const { rows, slugs } = await this.db.system(async (tx) => {
      const rows = await tx.find(ApiKey, {
        where: {
          ...(place.id ? { id: place.id } : {}),
          ...(query.prefix === undefined ? {} : { prefix: Like(`${escapeLike(query.prefix)}%`) }),
        },
        order: { id: place.order },
        take: place.limit + 1,
      });
      const tenants = await tx.findBy(Tenant, { id: In(rows.map((row) => row.tenantId)) });
      return { rows, slugs: new Map(tenants.map((tenant) => [tenant.id, tenant.slug])) };
    });
    return toPage(place, rows, (row) => toDto(row, slugs.get(row.tenantId) ?? row.tenantId));
  }

  /**
   * From the answer on this instance refuses the key; the others follow within moments, or within the life of their
   * cache when the control topic fails them. Revoking twice changes nothing.
   * @throws AppError API_KEY_NOT_FOUND
   */
  async revoke(id: string): Promise<void> {
    const row = uuid.test(id)
      ? await this.db.system(async (tx) => {
          const found = await tx.findOneBy(ApiKey, { id });
          if (found && !found.revokedAt)
            await tx.update(ApiKey, { id }, { revokedAt: new Date(this.clock.now()) });
          return found;
        })
      : null;
    if (!row) throw new AppError('API_KEY_NOT_FOUND', { id });
    const hash = row.hash.toString('hex');
    this.credentials.forget(hash);
    await this.bus
      .publish(Control, { action: 'forget-key', target: hash })
      .catch((error: unknown) => this.logger.warn({ err: error, keyId: id }, 'revocation not announced'));
  }

  private async tenant(slugOrId: string): Promise<Tenant> {
    const tenant = await this.db.system((tx) =>
      tx.findOneBy(Tenant, uuid.test(slugOrId) ? { id: slugOrId } : { slug: slugOrId }),
    );
    if (!tenant) throw new AppError('TENANT_NOT_FOUND', { tenant: slugOrId });
    return tenant;
  }
}

const toDto = (row: ApiKey, tenant: string): ApiKeyDto => ({
  id: row.id,
  prefix: row.prefix,
  tenant,
  roles: row.roles,
  createdAt: row.createdAt.toISOString(),
  expiresAt: row.expiresAt?.toISOString() ?? null,
  revokedAt: row.revokedAt?.toISOString() ?? null,
});

const escapeLike = (text: string) => text.replace(/[\\%_]/g, '\\$&');

const alreadyOver = () =>
  new AppError(
    'INVALID_REQUEST',
    {},
    { errors: [{ pointer: '/expiresAt', message: 'expiresAt must lie in the future', rule: 'future' }] },
  );
