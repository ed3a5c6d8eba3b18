import { Injectable } from '@nestjs/common';
import {
  reservedSlugs,
  TenantCreated,
  TenantState,
  type Page,
  type PageQuery,
  type TenantBody,
  type TenantDto,
  type TenantPatch,
} from '@mortise/contracts';
import { Database, Outbox } from '@mortise/database';
import { AppError, newId } from '@mortise/service-kit';
import { isUUID } from 'class-validator';
import { placeOf, toPage } from '@mortise/database';
import { toTenantState } from './tenant-snapshot.js';
import { Tenant } from './tenant.entity.js';

const toDto = (tenant: Tenant): TenantDto => ({
  id: tenant.id,
  slug: tenant.slug,
  name: tenant.name,
  retentionDays: tenant.retentionDays,
  createdAt: tenant.createdAt.toISOString(),
});

@Injectable()
export class TenantsService {
  constructor(
    private readonly db: Database,
    private readonly outbox: Outbox,
  ) {}

  /** @throws AppError INVALID_REQUEST for a reserved slug, TENANT_EXISTS */
  async create(body: TenantBody): Promise<TenantDto> {
    if (reservedSlugs.has(body.slug)) throw reserved(body.slug);
    return this.db.system(async (tx) => {
      const inserted = await tx
        .createQueryBuilder()
        .insert()
        .into(Tenant)
        .values({ id: newId(), slug: body.slug, name: body.name, suspended: false, revision: 1 })
        .orIgnore()
        .returning('id')
        .execute();
      const [row] = inserted.raw as { id: string }[];
      if (!row) throw new AppError('TENANT_EXISTS', { slug: body.slug });
      const tenant = await tx.findOneByOrFail(Tenant, { id: row.id });
      const meta = { tenantId: tenant.id };
      await this.outbox.add(tx, TenantState, toTenantState(tenant), meta);
      await this.outbox.add(
        tx,
        TenantCreated,
        { tenantId: tenant.id, slug: tenant.slug, at: tenant.createdAt.toISOString() },
        meta,
      );
      return toDto(tenant);
    });
  }

  /** @throws AppError TENANT_NOT_FOUND */
  async update(id: string, { name, retentionDays }: TenantPatch): Promise<TenantDto> {
    if (!isUUID(id)) throw new AppError('TENANT_NOT_FOUND', { tenant: id });
    return this.db.system(async (tx) => {
      const tenant = await tx.findOne(Tenant, { where: { id }, lock: { mode: 'pessimistic_write' } });
      if (!tenant) throw new AppError('TENANT_NOT_FOUND', { tenant: id });
      if (name !== undefined) tenant.name = name;
      if (retentionDays !== undefined) tenant.retentionDays = retentionDays;
      tenant.revision += 1;
      await tx.save(tenant);
      await this.outbox.add(tx, TenantState, toTenantState(tenant), { tenantId: tenant.id });
      return toDto(tenant);
    });
  }

  /** @throws AppError INVALID_CURSOR */
  async list(query: PageQuery): Promise<Page<TenantDto>> {
    const place = placeOf(query);
    const rows = await this.db.system((tx) =>
      tx.find(Tenant, {
        where: place.id ? { id: place.id } : {},
        order: { id: place.order },
        take: place.limit + 1,
      }),
    );
    return toPage(place, rows, toDto);
  }
}

const reserved = (slug: string) =>
  new AppError(
    'INVALID_REQUEST',
    {},
    { errors: [{ pointer: '/slug', message: `${slug} is reserved: choose another`, rule: 'reserved' }] },
  );
