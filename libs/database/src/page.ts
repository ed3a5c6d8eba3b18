import type { Page, PageQuery } from '@mortise/contracts';
import { AppError } from '@mortise/service-kit';
import { LessThan, MoreThan, type FindOperator } from 'typeorm';

const defaultRows = 50;

/** A place in a list that is ordered by id, newest first. */
export interface Place {
  limit: number;
  /** Ids before or after the page's edge; undefined on the first page. */
  id: FindOperator<string> | undefined;
  /** Backwards pages are read oldest first and turned round. */
  order: 'asc' | 'desc';
}

/** @throws AppError INVALID_CURSOR */
export function placeOf(query: PageQuery): Place {
  const limit = query.limit ?? defaultRows;
  if (query.cursor === undefined) return { limit, id: undefined, order: 'desc' };
  const found = /^([np])([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/.exec(
    Buffer.from(query.cursor, 'base64url').toString(),
  );
  if (!found?.[2]) throw new AppError('INVALID_CURSOR');
  return found[1] === 'n'
    ? { limit, id: LessThan(found[2]), order: 'desc' }
    : { limit, id: MoreThan(found[2]), order: 'asc' };
}

const cursor = (direction: 'n' | 'p', id: string) => Buffer.from(direction + id).toString('base64url');

/** @param rows one more than the limit, if there are that many, in the place's order */
export function toPage<R extends { id: string }, T>(
  place: Place,
  rows: readonly R[],
  toDto: (row: R) => T,
): Page<T> {
  const more = rows.length > place.limit;
  const shown = rows.slice(0, place.limit);
  const backwards = place.order === 'asc';
  if (backwards) shown.reverse();
  const first = shown[0];
  const last = shown.at(-1);
  const hasNext = last && (backwards || more);
  const hasPrevious = first && (backwards ? more : place.id !== undefined);
  return {
    data: shown.map(toDto),
    page: {
      next: hasNext ? cursor('n', last.id) : null,
      prev: hasPrevious ? cursor('p', first.id) : null,
      limit: place.limit,
    },
  };
}
