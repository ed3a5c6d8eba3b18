import {
  ApiKeyBody,
  ApiKeyCreatedDto,
  ApiKeyDto,
  ApiKeyListQuery,
  TenantBody,
  TenantDto,
  TenantPatch,
} from '../http/platform.js';
import { PageQuery } from '../http/plugins.js';
import type { RouteDefinition } from './define.js';

const gateway = { owner: 'gateway' } as const;

/** Tenants and their API keys. */
export const platformRoutes = {
  'tenants.list': {
    ...gateway,
    method: 'GET',
    path: '/tenants',
    right: 'tenants:manage',
    rate: 'read',
    query: PageQuery,
    pageOf: TenantDto,
    summary: 'Tenants',
  },
  'tenants.create': {
    ...gateway,
    method: 'POST',
    path: '/tenants',
    right: 'tenants:manage',
    rate: 'write',
    status: 201,
    body: TenantBody,
    answer: TenantDto,
    summary: 'Create a tenant',
  },
  'tenants.update': {
    ...gateway,
    method: 'PATCH',
    path: '/tenants/{id}',
    right: 'tenants:manage',
    rate: 'write',
    body: TenantPatch,
    answer: TenantDto,
    summary: 'Rename a tenant, or say for how many days its executions and logs are kept',
  },
  'apikeys.list': {
    ...gateway,
    method: 'GET',
    path: '/api-keys',
    right: 'apikeys:manage',
    rate: 'read',
    query: ApiKeyListQuery,
    pageOf: ApiKeyDto,
    summary: 'API keys, found by prefix; never the keys themselves',
  },
  'apikeys.create': {
    ...gateway,
    method: 'POST',
    path: '/api-keys',
    right: 'apikeys:manage',
    rate: 'write',
    status: 201,
    body: ApiKeyBody,
    answer: ApiKeyCreatedDto,
    summary: 'Create an API key; the answer shows it once',
  },
  'apikeys.revoke': {
    ...gateway,
    method: 'DELETE',
    path: '/api-keys/{id}',
    right: 'apikeys:manage',
    rate: 'write',
    status: 204,
    summary: 'Revoke an API key',
  },
} as const satisfies Record<string, RouteDefinition>;
