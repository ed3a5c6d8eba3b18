import { ExecuteBody } from '../commands.js';
import {
  AcceptedDto,
  CancelledDto,
  ExecutionDto,
  ExecutionListQuery,
  LogLineDto,
  LogQuery,
} from '../http/executions.js';
import type { RouteDefinition } from './define.js';

const registry = { owner: 'registry' } as const;

/** Records of executions. */
export const executionRoutes = {
  'executions.list': {
    ...registry,
    method: 'GET',
    path: '/executions',
    right: 'executions:read',
    rate: 'read',
    query: ExecutionListQuery,
    pageOf: ExecutionDto,
    summary: 'Executions, newest first',
  },
  'executions.get': {
    ...registry,
    method: 'GET',
    path: '/executions/{id}',
    right: 'executions:read',
    rate: 'read',
    answer: ExecutionDto,
    summary: 'The record of an execution',
  },
  'executions.logs': {
    ...registry,
    method: 'GET',
    path: '/executions/{id}/logs',
    right: 'executions:read',
    rate: 'read',
    query: LogQuery,
    pageOf: LogLineDto,
    summary: 'What an execution logged',
  },
  'executions.cancel': {
    ...registry,
    method: 'POST',
    path: '/executions/{id}/cancel',
    right: 'executions:cancel',
    rate: 'write',
    status: 202,
    answer: CancelledDto,
    summary: 'Cancel a queued or running execution',
  },
  'executions.queue': {
    ...registry,
    method: 'POST',
    path: '/installations/{id}/executions',
    right: 'installations:execute',
    rate: 'execute',
    status: 202,
    body: ExecuteBody,
    answer: AcceptedDto,
    summary: 'Queue an execution (what execute does with Prefer: respond-async)',
  },
} as const satisfies Record<string, RouteDefinition>;
