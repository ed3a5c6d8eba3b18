import { testDatabase, type TestDatabase } from '@mortise/testing';
import type { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { testMigrations } from '../test/migrations.js';
import { catalogueProblems } from './catalogue.js';
import { connect } from './connection.js';

let database: TestDatabase;
let owner: Client;
beforeAll(async () => {
  database = await testDatabase(testMigrations);
});
afterAll(() => database.drop());

describe('the catalogue', () => {
  it('has row security on every table of a tenant, the one list of others, and no grant on a partition', async () => {
    expect(await catalogueProblems(database.url)).toEqual([]);
  });
});

describe('catalogueProblems', () => {
  beforeEach(async () => {
    owner = await connect(database.url, 'test');
    await owner.query('drop table if exists registry.bad; set search_path to registry');
    return () => owner.end();
  });

  it.each([
    [
      'a tenant table nobody protected',
      'create table bad (tenant_id uuid not null)',
      'registry.bad has tenant_id but row security is not enabled and forced',
    ],
    [
      'row security the owner passes',
      `create table bad (tenant_id uuid not null); select mortise.tenant_table('bad'); alter table bad no force row level security`,
      'registry.bad has tenant_id but row security is not enabled and forced',
    ],
    [
      'a missing policy',
      `create table bad (tenant_id uuid not null); select mortise.tenant_table('bad'); drop policy tenant on bad`,
      'registry.bad lacks the policies of mortise_registry and its system role',
    ],
    [
      'a table without tenant that is not listed',
      'create table bad (id uuid)',
      'registry.bad has no tenant_id and is not in tablesWithoutTenant',
    ],
    [
      'a grant on a partition',
      `create table bad (tenant_id uuid not null, at date not null) partition by range (at); select mortise.tenant_table('bad');
       create table bad_1 partition of bad default; alter table bad_1 enable row level security, force row level security;
       grant select on bad_1 to mortise_registry`,
      'registry.bad_1 is a partition with a grant to mortise_registry, which passes row security',
    ],
    [
      "a grant to another service's role",
      `create table bad (tenant_id uuid not null); select mortise.tenant_table('bad'); grant select on bad to mortise_gateway`,
      'registry.bad has a grant to mortise_gateway, which is no role of its service',
    ],
    [
      'a grant to everybody',
      `create table bad (tenant_id uuid not null); select mortise.tenant_table('bad'); grant select on bad to public`,
      'registry.bad has a grant to public, which is no role of its service',
    ],
  ])('names %s', async (_what, sql, problem) => {
    await owner.query(sql);

    expect(await catalogueProblems(database.url)).toContain(problem);
  });

  it('is not needed for a table without tenant_id in tenant_table: that refuses at once', async () => {
    await expect(
      owner.query(`create table bad (id uuid); select mortise.tenant_table('bad')`),
    ).rejects.toThrow('needs a column "tenant_id uuid not null"');
  });
});
