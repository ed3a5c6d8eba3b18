import { createLogger, newId } from '@mortise/service-kit';
import { testDatabase, type TestDatabase } from '@mortise/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Column, Entity, PrimaryColumn } from 'typeorm';
import { tenantA, tenantB, testMigrations } from '../test/migrations.js';
import { Wire } from '../test/wire.js';
import { connect, isUniqueViolation } from './connection.js';
import { Database } from './database.js';

@Entity('notes')
class Note {
  @PrimaryColumn({ name: 'tenant_id', type: 'uuid' }) tenantId: string;
  @PrimaryColumn({ type: 'uuid' }) id: string;
  @Column({ type: 'text' }) text: string;
}

let database: TestDatabase;
let db: Database;
beforeAll(async () => {
  database = await testDatabase(testMigrations);
  db = await Database.connect({
    url: database.url,
    service: 'registry',
    entities: [Note],
    logger: createLogger({ service: 'registry', level: 'silent' }),
  });
  for (const [tenantId, text] of [
    [tenantA, 'of a'],
    [tenantB, 'of b'],
  ] as const)
    await db.tx(tenantId, (tx) => tx.insert(Note, { tenantId, id: newId(), text }));
});
afterAll(async () => {
  await db.close();
  await database.drop();
});

const texts = (rows: { text: string }[]) => rows.map(({ text }) => text).sort();

describe('tx', () => {
  it("hides other tenants' rows even from a query without WHERE", async () => {
    const seen = await db.tx(tenantA, (tx) => tx.query<{ text: string }[]>('select * from notes'));
    const found = await db.tx(tenantB, (tx) => tx.find(Note));

    expect(texts(seen)).toEqual(['of a']);
    expect(texts(found)).toEqual(['of b']);
  });

  it('refuses to write a row of another tenant', async () => {
    const write = db.tx(tenantA, (tx) =>
      tx.insert(Note, { tenantId: tenantB, id: newId(), text: 'smuggled' }),
    );

    await expect(write).rejects.toThrow('row-level security');
  });

  it("changes and deletes none of another tenant's rows", async () => {
    await db.tx(tenantA, async (tx) => {
      await tx.query(`update notes set text = 'taken' where tenant_id = $1`, [tenantB]);
      await tx.query('delete from notes where tenant_id = $1', [tenantB]);
    });

    expect(texts(await db.tx(tenantB, (tx) => tx.find(Note)))).toEqual(['of b']);
  });

  it('names a tenant id that is none', async () => {
    await expect(db.tx('', async () => {})).rejects.toThrow('Not a tenant id: ""');
    await expect(db.tx("' or true --", async () => {})).rejects.toThrow('Not a tenant id');
  });

  it('leaves the connection without tenant and role, also after an error', async () => {
    await expect(
      db.tx(tenantA, async () => {
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    await db.tx(tenantA, (tx) => tx.query('select 1'));

    const [scope] = await db.system((tx) =>
      tx.query<{ role: string; tenant: string }[]>(
        `select current_user as role, current_setting('app.tenant') as tenant`,
      ),
    );
    expect(scope).toEqual({ role: 'mortise_registry_system', tenant: '' });
  });

  it('keeps many transactions of different tenants apart', async () => {
    const seen = await Promise.all(
      Array.from({ length: 60 }, (_, index) =>
        db.tx(index % 2 === 0 ? tenantA : tenantB, (tx) =>
          tx.query<{ text: string }[]>('select text from notes'),
        ),
      ),
    );

    expect(seen.every((rows, index) => texts(rows).join() === (index % 2 === 0 ? 'of a' : 'of b'))).toBe(
      true,
    );
  });

  it("cannot read the outbox, which holds every tenant's messages", async () => {
    await expect(db.tx(tenantA, (tx) => tx.query('select * from outbox'))).rejects.toThrow(
      'permission denied',
    );
  });
});

describe('outside of tx', () => {
  it('gives no rows to the owner of the tables, who has set no tenant', async () => {
    const owner = await connect(database.url, 'test');
    const { rows } = await owner.query('select * from registry.notes');
    await owner.end();

    expect(rows).toEqual([]);
  });

  it('gives no rows to the service role without a tenant, and no error', async () => {
    const client = await connect(database.url, 'test');
    await client.query('set role mortise_registry');
    const unset = await client.query('select * from registry.notes');
    // A tenant that was set for an earlier transaction leaves an empty text behind, not null.
    await client.query(`begin; select set_config('app.tenant', '${tenantA}', true); commit`);
    const after = await client.query('select * from registry.notes');
    await client.end();

    expect([unset.rows, after.rows]).toEqual([[], []]);
  });
});

describe('system', () => {
  it('sees the rows of all tenants', async () => {
    expect(texts(await db.system((tx) => tx.query<{ text: string }[]>('select * from notes')))).toEqual([
      'of a',
      'of b',
    ]);
  });

  it("cannot touch another service's schema", async () => {
    await expect(db.system((tx) => tx.query('select * from scheduler.inbox'))).rejects.toThrow(
      'permission denied',
    );
  });
});

describe('afterCommit', () => {
  it('runs once the rows are visible to others', async () => {
    const id = newId();
    const seen = Promise.withResolvers<number>();
    await db.tx(tenantA, async (tx) => {
      await tx.insert(Note, { tenantId: tenantA, id, text: 'of a' });
      db.afterCommit(tx, () => {
        void db.tx(tenantA, (other) => other.countBy(Note, { id })).then(seen.resolve);
      });
    });

    expect(await seen.promise).toBe(1);
    await db.tx(tenantA, (tx) => tx.delete(Note, { id }));
  });

  it('does not run after a rollback, and its own failure does not undo the commit', async () => {
    const ran: string[] = [];
    await expect(
      db.tx(tenantA, async (tx) => {
        db.afterCommit(tx, () => ran.push('rolled back'));
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    const result = await db.tx(tenantA, async (tx) => {
      db.afterCommit(tx, () => {
        throw new Error('too late');
      });
      db.afterCommit(tx, () => ran.push('committed'));
      return 'kept';
    });

    expect([result, ran]).toEqual(['kept', ['committed']]);
  });
});

it('tells a unique violation from other errors', async () => {
  const row = { tenantId: tenantA, id: newId(), text: 'twice' };
  const error: unknown = await db
    .tx(tenantA, async (tx) => {
      await tx.insert(Note, row);
      await tx.insert(Note, row);
    })
    .catch((thrown: unknown) => thrown);

  expect(isUniqueViolation(error)).toBe(true);
  expect(isUniqueViolation(error, 'notes_pkey')).toBe(true);
  expect(isUniqueViolation(error, 'other')).toBe(false);
  expect(isUniqueViolation(new Error('x'))).toBe(false);
});

describe('what never comes', () => {
  const statementMs = 200;
  const open = (url: string) =>
    Database.connect({
      url,
      service: 'registry',
      poolSize: 1,
      statementMs,
      logger: createLogger({ service: 'registry', level: 'silent' }),
    });

  it('from a server whose machine is gone, ends the query that waits for it', async () => {
    const wire = await Wire.to(database.url);
    const far = await open(wire.url);
    await far.ping();
    wire.swallow();

    await expect(far.system((tx) => tx.query('select 1'))).rejects.toThrow(
      /said nothing for 0.3 s|terminated/,
    );
    await wire.close();
    await far.close();
  });

  it('from a server that is gone in the moment it is ready, ends what was begun and not the process', async () => {
    const wire = await Wire.to(database.url);
    const far = await open(wire.url);
    wire.endsWhenReady = true;
    await far.ping();

    // The connection has ended with that: this one is new, and gone as it begins.
    await expect(far.ping()).rejects.toThrow();
    wire.endsWhenReady = false;

    await far.ping();
    await far.close();
    await wire.close();
  });

  it('to a transaction, gives its connection back to the others', async () => {
    const own = await open(database.url);
    const forever = own.system(() => new Promise<never>(() => {}));
    const next = own.system((tx) => tx.query<{ one: number }[]>('select 1 as one'));

    await expect(forever).rejects.toThrow('not done after 0.4 s');
    await expect(next).resolves.toEqual([{ one: 1 }]);
    await own.close();
  });

  it('in a statement, is cancelled by the server', async () => {
    const own = await open(database.url);

    await expect(own.system((tx) => tx.query('select pg_sleep(60)'))).rejects.toThrow('statement timeout');
    await own.close();
  });
});
