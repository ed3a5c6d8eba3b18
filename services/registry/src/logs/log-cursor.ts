import { AppError } from '@mortise/service-kit';
import type { LogPlace } from './logs.queries.js';

const form = /^(\d{1,15})\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.(\d{1,9})$/;

/** A place as clients see it: opaque, also the id of a line in the live tail. */
export const encodePlace = ({ atMs, executionId, sequence }: LogPlace): string =>
  Buffer.from(`${atMs}.${executionId}.${sequence}`).toString('base64url');

/** @throws AppError INVALID_CURSOR */
export function decodePlace(text: string): LogPlace {
  const found = form.exec(Buffer.from(text, 'base64url').toString());
  if (!found?.[2]) throw new AppError('INVALID_CURSOR');
  return { atMs: Number(found[1]), executionId: found[2], sequence: Number(found[3]) };
}

export const isBefore = (a: LogPlace, b: LogPlace): boolean => {
  if (a.atMs !== b.atMs) return a.atMs < b.atMs;
  if (a.executionId !== b.executionId) return a.executionId < b.executionId;
  return a.sequence < b.sequence;
};
