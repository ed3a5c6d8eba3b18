import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError, lifecycleHeader } from '@mortise/service-kit';
import type { Installation } from './installation.entity.js';

/** Tells the gateway what its own state must have seen before it answers: the next call then finds it everywhere. */
export const markRevision = (reply: FastifyReply, { id, revision }: Installation): void => {
  reply.header(lifecycleHeader, `${id};revision=${revision}`);
};

export const markConfig = (reply: FastifyReply, { configRevision }: Installation): void => {
  reply.header('etag', `"${configRevision}"`);
};

/** @throws AppError PRECONDITION_REQUIRED without If-Match, PRECONDITION_FAILED for one that is not ours */
export function expectedRevision(request: FastifyRequest): number {
  const header = request.headers['if-match'];
  if (header === undefined) throw new AppError('PRECONDITION_REQUIRED');
  const revision = /^"(\d{1,9})"$/.exec(header)?.[1];
  if (revision === undefined) throw new AppError('PRECONDITION_FAILED', { revision: 'unknown' });
  return Number(revision);
}
