import { AppError } from '../app-error.js';

// Of the file system, PostgreSQL's disk_full, and what S3 servers say.
const noSpace: ReadonlySet<unknown> = new Set([
  'ENOSPC',
  'EDQUOT',
  '53100',
  'InsufficientStorage',
  'XMinioStorageFull',
]);
// PostgreSQL that ends, was killed, starts, or has no connection left (SQLSTATE).
const databaseAway = /^(08...|57P0[1235]|53300)$/;
// What its driver, and TypeORM above it, say of a connection that broke in the middle: no code.
const connectionBroke =
  /^(Connection terminated|Query runner already released|Database connection provided by)/;
const unreachable: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);

/** What a server behind this one lacks, as an error of the table; undefined when it is not that. */
export function troubleBehind(error: unknown): AppError | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code } = error as { code?: unknown };
  if (noSpace.has(code)) return new AppError('NO_SPACE', {}, { cause: error });
  if ((typeof code === 'string' && databaseAway.test(code)) || connectionBroke.test(error.message))
    return new AppError('UNAVAILABLE', { what: 'The database' }, { cause: error });
  if (unreachable.has(code))
    return new AppError('UNAVAILABLE', { what: 'A server that this needs' }, { cause: error });
  return undefined;
}
