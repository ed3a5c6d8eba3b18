import { emptyDatabase } from '@mortise/testing';
import { describe, expect, it } from 'vitest';
import { connect, databaseOf, sqlState } from './connection.js';

const failure = (url: string) => connect(url, 'test').catch((error: unknown) => error as Error);

describe('a database that does not let us in', () => {
  it('is named with its address and the reason, never with the password', async () => {
    const error = (await failure('postgres://mortise:hunter2@localhost:1/shop')) as Error;

    expect(error.message).toMatch(
      /^PostgreSQL at localhost:1\/shop cannot be used \(connect ECONNREFUSED .+:1\): see that it runs, and that DATABASE_URL is right$/,
    );
  });

  it('keeps its SQLSTATE', async () => {
    const { url, drop } = await emptyDatabase();
    const error = await failure(databaseOf(url, 'nowhere'));
    await drop();

    expect(sqlState(error)).toBe('3D000');
  });
});
