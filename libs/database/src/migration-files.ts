import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import type { ServiceName } from '@mortise/contracts';

/** The hand-written migrations of a service: files `0001-what-it-does.sql`, run in order with the service's schema first. */
export interface MigrationSet {
  service: ServiceName;
  /** A folder, e.g. `new URL('./migrations/', import.meta.url)`. */
  directory: URL;
}

export interface MigrationFile {
  name: string;
  sql: string;
  checksum: string;
}

const fileName = /^\d{4}-[a-z0-9-]+\.sql$/;

/** The files of a folder in the order they run. */
export async function readMigrations(directory: URL, prefix = ''): Promise<MigrationFile[]> {
  const folder = directory.href.endsWith('/') ? directory : new URL(`${directory.href}/`);
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort();
  const files: MigrationFile[] = [];
  for (const name of names) {
    if (!fileName.test(name)) throw new Error(`Migration ${name} is not named like 0001-what-it-does.sql`);
    const twin = files.find((file) => file.name.slice(prefix.length, prefix.length + 4) === name.slice(0, 4));
    if (twin)
      throw new Error(`Migrations ${twin.name} and ${name} have the same number: rename the newer one`);
    // A checkout on Windows may turn the line ends; that is no change.
    const sql = (await readFile(new URL(name, folder), 'utf8')).replaceAll('\r\n', '\n');
    files.push({ name: prefix + name, sql, checksum: createHash('sha256').update(sql).digest('hex') });
  }
  return files;
}

export interface AppliedMigration {
  file: string;
  checksum: string;
}

/**
 * The files that still have to run.
 * @param label what goes before the file's name in an error, e.g. `registry/`
 * @throws when a file that ran was changed, is gone, or when a new one would run before one that ran
 */
export function pendingMigrations(
  label: string,
  files: MigrationFile[],
  applied: AppliedMigration[],
): MigrationFile[] {
  for (const { file, checksum } of applied) {
    const now = files.find(({ name }) => name === file);
    if (!now)
      throw new Error(
        `Migration ${label}${file} ran on this database but is not part of this version: use the version that has it`,
      );
    if (now.checksum !== checksum)
      throw new Error(
        `Migration ${label}${file} was changed after it ran: restore it and put the change into a new file`,
      );
  }
  const done = new Set(applied.map(({ file }) => file));
  const pending = files.filter(({ name }) => !done.has(name));
  const last = files.findLast(({ name }) => done.has(name));
  const late = pending.find(({ name }) => last !== undefined && name < last.name);
  if (late)
    throw new Error(
      `Migration ${label}${late.name} is new but numbered before ${last?.name}, which ran: give it a higher number`,
    );
  return pending;
}
