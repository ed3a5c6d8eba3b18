import { WaitingDto, WaitingQuery } from '../http/waiting.js';
import type { RouteDefinition } from './define.js';

const row = { owner: 'registry', right: 'dead-letters:manage' } as const;

/** What operators do with messages that are to be handled later. */
export const waitingRoutes = {
  'waiting.list': {
    ...row,
    method: 'GET',
    path: '/waiting',
    rate: 'read',
    query: WaitingQuery,
    pageOf: WaitingDto,
    summary: 'Messages that wait for a later time: parked, retried, put off; by service, newest first',
  },
  'waiting.cancel': {
    ...row,
    method: 'DELETE',
    path: '/waiting/{id}',
    rate: 'write',
    status: 204,
    summary: 'Take a waiting message away before it is due; the execution that it would start is cancelled',
  },
} as const satisfies Record<string, RouteDefinition>;
