import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { emptyDatabase, type TestDatabase } from '@mortise/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { catalogueProblems } from './catalogue.js';
import { connect } from './connection.js';
import { migrate } from './migrate.js';
import type { MigrationSet } from './migration-files.js';

let database: TestDatabase;
let folder: string;
let sets: MigrationSet[];
beforeEach(async () => {
  database = await emptyDatabase();
  folder = await mkdtemp(join(tmpdir(), 'mortise-migrations-'));
  sets = [{ service: 'registry', directory: pathToFileURL(folder) }];
  return async () => {
    await database.drop();
    await rm(folder, { recursive: true });
  };
});

const write = (name: string, sql: string) => writeFile(join(folder, name), sql);
async function ask<T extends object>(sql: string): Promise<T[]> {
  const client = await connect(database.url, 'test');
  try {
    return (await client.query<T>(sql)).rows;
  } finally {
    await client.end();
  }
}
const table = (name: string) =>
  `create table ${name} (tenant_id uuid not null); select mortise.tenant_table('${name}');`;

describe('migrate', () => {
  it('gives every service its schema, roles, outbox and inbox, then runs the files in order', async () => {
    await write('0002-more.sql', `alter table things add note text;`);
    await write('0001-things.sql', table('things'));
    const { applied } = await migrate(database.url, sets);

    expect(applied).toEqual([
      'mortise/0001-functions.sql',
      ...['gateway', 'registry', 'executor', 'scheduler'].map(
        (service) => `${service}/platform/0001-outbox-inbox.sql`,
      ),
      'registry/0001-things.sql',
      'registry/0002-more.sql',
    ]);
    expect(await catalogueProblems(database.url)).toEqual([]);
  });

  it('does nothing the second time, and only the new file the third', async () => {
    await write('0001-things.sql', table('things'));
    await migrate(database.url, sets);
    expect(await migrate(database.url, sets)).toEqual({ applied: [] });
    await write('0002-others.sql', table('others'));

    expect(await migrate(database.url, sets)).toEqual({ applied: ['registry/0002-others.sql'] });
  });

  it('runs each file once when several processes start at once', async () => {
    await write('0001-things.sql', table('things'));
    const all = await Promise.all(Array.from({ length: 4 }, () => migrate(database.url, sets)));

    const applied = all.flatMap((result) => result.applied);
    expect(applied.filter((file) => file === 'registry/0001-things.sql')).toHaveLength(1);
    expect(new Set(applied).size).toBe(applied.length);
  });

  it('refuses a file that was changed after it ran, by name', async () => {
    await write('0001-things.sql', table('things'));
    await migrate(database.url, sets);
    await write('0001-things.sql', `${table('things')} -- edited`);

    await expect(migrate(database.url, sets)).rejects.toThrow(
      'Migration registry/0001-things.sql was changed after it ran',
    );
  });

  it('does not mind line ends of another system', async () => {
    await write('0001-things.sql', 'select 1;\nselect 2;\n');
    await migrate(database.url, sets);
    await write('0001-things.sql', 'select 1;\r\nselect 2;\r\n');

    expect(await migrate(database.url, sets)).toEqual({ applied: [] });
  });

  it('refuses a file that is gone, and a new one that is numbered before one that ran', async () => {
    await write('0002-things.sql', table('things'));
    await migrate(database.url, sets);
    await write('0001-late.sql', table('late'));
    await expect(migrate(database.url, sets)).rejects.toThrow(
      'registry/0001-late.sql is new but numbered before',
    );
    await rm(join(folder, '0001-late.sql'));
    await rm(join(folder, '0002-things.sql'));

    await expect(migrate(database.url, sets)).rejects.toThrow(
      'registry/0002-things.sql ran on this database but is not part of this version',
    );
  });

  it('undoes a file that fails, keeps those before it, and runs it again once repaired', async () => {
    await write('0001-things.sql', table('things'));
    await write('0002-broken.sql', `${table('half')} select nonsense;`);
    await expect(migrate(database.url, sets)).rejects.toThrow(
      'Migration registry/0002-broken.sql failed and was undone: column "nonsense" does not exist',
    );
    expect(
      await ask(
        `select to_regclass('registry.half') as half, to_regclass('registry.things') is null as lost`,
      ),
    ).toEqual([{ half: null, lost: false }]);
    await write('0002-broken.sql', table('half'));

    expect(await migrate(database.url, sets)).toEqual({ applied: ['registry/0002-broken.sql'] });
  });

  it('names a file that is not named like a migration, and two with one number', async () => {
    await write('things.sql', 'select 1');
    await expect(migrate(database.url, sets)).rejects.toThrow('Migration things.sql is not named like');
    await rm(join(folder, 'things.sql'));
    await write('0001-a.sql', 'select 1');
    await write('0001-b.sql', 'select 1');

    await expect(migrate(database.url, sets)).rejects.toThrow(
      '0001-a.sql and 0001-b.sql have the same number',
    );
  });

  it('makes tables that its login owns, for roles that own nothing and cannot log in', async () => {
    await migrate(database.url, sets);

    expect(await ask(`select distinct tableowner from pg_tables where schemaname = 'registry'`)).toEqual([
      { tableowner: 'mortise' },
    ]);
    expect(
      await ask(
        `select count(*)::int as roles, bool_or(rolcanlogin) as login from pg_roles where rolname like 'mortise\\_%'`,
      ),
    ).toEqual([{ roles: 8, login: false }]);
  });
});
