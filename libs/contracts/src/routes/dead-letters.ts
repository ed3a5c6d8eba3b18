import {
  DeadLetterDetailDto,
  DeadLetterDto,
  DeadLetterFilter,
  DeadLetterQuery,
  DeadLettersChangedDto,
} from '../http/dead-letters.js';
import type { RouteDefinition } from './define.js';

const row = { owner: 'registry', right: 'dead-letters:manage' } as const;

/** What operators do with messages that could not be handled. */
export const deadLetterRoutes = {
  'dead-letters.list': {
    ...row,
    method: 'GET',
    path: '/dead-letters',
    rate: 'read',
    query: DeadLetterQuery,
    pageOf: DeadLetterDto,
    summary: 'Messages that could not be handled, newest first',
  },
  'dead-letters.get': {
    ...row,
    method: 'GET',
    path: '/dead-letters/{id}',
    rate: 'read',
    answer: DeadLetterDetailDto,
    summary: 'A message that could not be handled: headers and bytes as they came, secrets masked',
  },
  'dead-letters.replay': {
    ...row,
    method: 'POST',
    path: '/dead-letters/{id}/replay',
    rate: 'write',
    answer: DeadLetterDto,
    summary: 'Give a message to its handler again, under its own id',
  },
  'dead-letters.replay-many': {
    ...row,
    method: 'POST',
    path: '/dead-letters/replay',
    rate: 'write',
    body: DeadLetterFilter,
    answer: DeadLettersChangedDto,
    summary: 'Give waiting messages to their handlers again, oldest first',
  },
  'dead-letters.discard': {
    ...row,
    method: 'DELETE',
    path: '/dead-letters/{id}',
    rate: 'write',
    status: 204,
    summary: 'Mark a message as not to be handled any more; it stays visible until its retention ends',
  },
  'dead-letters.discard-many': {
    ...row,
    method: 'POST',
    path: '/dead-letters/discard',
    rate: 'write',
    body: DeadLetterFilter,
    answer: DeadLettersChangedDto,
    summary: 'Mark waiting messages as not to be handled any more, oldest first',
  },
} as const satisfies Record<string, RouteDefinition>;
