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

/** Revisions of the config that a caller says he has read; undefined: any will do. */
export type ReadRevisions = ReadonlySet<number> | undefined;

/**
 * What If-Match says, by strong comparison (RFC 9110 section 13.1.1): tags that are weak or not ours match nothing.
 * @throws AppError PRECONDITION_REQUIRED without If-Match
 */
export function readRevisions(request: FastifyRequest): ReadRevisions {
  const header = request.headers['if-match'];
  if (header === undefined) throw new AppError('PRECONDITION_REQUIRED');
  if (header.trim() === '*') return undefined;
  return new Set(
    header
      .split(',')
      .flatMap((tag) => /^\s*"(\d{1,9})"\s*$/.exec(tag)?.[1] ?? [])
      .map(Number),
  );
}

/** For the forgiving routes: without If-Match the last write wins, with it nobody's change is lost. */
export const readRevisionsIfSent = (request: FastifyRequest): ReadRevisions =>
  request.headers['if-match'] === undefined ? undefined : readRevisions(request);
