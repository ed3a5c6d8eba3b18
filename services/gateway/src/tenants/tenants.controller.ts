import { Body, Controller, Param, Query } from '@nestjs/common';
import { PageQuery, TenantBody, TenantPatch, type Page, type TenantDto } from '@mortise/contracts';
import { Handles } from '@mortise/service-kit';
import { TenantsService } from './tenants.service.js';

@Controller()
export class TenantsController {
  constructor(private readonly tenants: TenantsService) {}

  @Handles('tenants.create')
  create(@Body() body: TenantBody): Promise<TenantDto> {
    return this.tenants.create(body);
  }

  @Handles('tenants.update')
  update(@Param('id') id: string, @Body() body: TenantPatch): Promise<TenantDto> {
    return this.tenants.update(id, body);
  }

  @Handles('tenants.list')
  list(@Query() query: PageQuery): Promise<Page<TenantDto>> {
    return this.tenants.list(query);
  }
}
