import { catalogueProblems, migrate } from '@mortise/database';
import { emptyDatabase, type TestDatabase } from '@mortise/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrations } from './admin/migrations.js';

describe('the migrations of all services together', () => {
  let database: TestDatabase;
  let first: string[];
  beforeAll(async () => {
    database = await emptyDatabase();
    ({ applied: first } = await migrate(database.url, migrations));
  });
  afterAll(() => database.drop());

  it('leave no table outside of the rules of tenancy', async () => {
    expect(await catalogueProblems(database.url, true)).toEqual([]);
  });

  it('are applied once', async () => {
    const services = new Set(first.map((name) => name.split('/')[0]));

    expect([...services].sort()).toEqual(
      expect.arrayContaining(['executor', 'gateway', 'registry', 'scheduler']),
    );
    expect((await migrate(database.url, migrations)).applied).toEqual([]);
  });

  it('may be run by two at once', async () => {
    const other = await emptyDatabase();

    const both = await Promise.all([migrate(other.url, migrations), migrate(other.url, migrations)]);

    expect(both.map(({ applied }) => applied.length).sort((a, b) => a - b)).toEqual([0, first.length]);
    await other.drop();
  });
});
