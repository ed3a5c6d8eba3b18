import { PageQuery, QuarantineBody, QuarantineDto } from '../http/plugins.js';
import type { RouteDefinition } from './define.js';

const registry = { owner: 'registry' } as const;

/** Versions that are stopped everywhere. */
export const quarantineRoutes = {
  'quarantine.list': {
    ...registry,
    method: 'GET',
    path: '/quarantine',
    right: 'quarantine:manage',
    rate: 'read',
    query: PageQuery,
    pageOf: QuarantineDto,
    summary: 'Quarantined versions',
  },
  'quarantine.create': {
    ...registry,
    method: 'POST',
    path: '/quarantine',
    right: 'quarantine:manage',
    rate: 'write',
    status: 201,
    body: QuarantineBody,
    answer: QuarantineDto,
    summary: 'Stop a version everywhere',
  },
  'quarantine.release': {
    ...registry,
    method: 'POST',
    path: '/quarantine/{id}/release',
    right: 'quarantine:manage',
    rate: 'write',
    answer: QuarantineDto,
    summary: 'Let a quarantined version run again',
  },
} as const satisfies Record<string, RouteDefinition>;
