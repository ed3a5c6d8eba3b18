import { Body, Controller, Param, Query } from '@nestjs/common';
import {
  ApiKeyBody,
  ApiKeyListQuery,
  type ApiKeyCreatedDto,
  type ApiKeyDto,
  type Page,
  type Principal,
} from '@mortise/contracts';
import { Caller, Handles } from '@mortise/service-kit';
import { ApiKeysService } from './api-keys.service.js';

@Controller()
export class ApiKeysController {
  constructor(private readonly apiKeys: ApiKeysService) {}

  @Handles('apikeys.create')
  create(@Caller() caller: Principal, @Body() body: ApiKeyBody): Promise<ApiKeyCreatedDto> {
    return this.apiKeys.create(caller.subject, body);
  }

  @Handles('apikeys.list')
  list(@Query() query: ApiKeyListQuery): Promise<Page<ApiKeyDto>> {
    return this.apiKeys.list(query);
  }

  @Handles('apikeys.revoke')
  revoke(@Param('id') id: string): Promise<void> {
    return this.apiKeys.revoke(id);
  }
}
