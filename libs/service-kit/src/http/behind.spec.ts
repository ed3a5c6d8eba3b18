import { describe, expect, it } from 'vitest';
import { troubleBehind } from './behind.js';

const coded = (code: string, message = 'no') => Object.assign(new Error(message), { code });

describe('trouble behind a service', () => {
  it('is said to be for the moment when a database or another server is away', () => {
    const away = [
      ...['57P01', '57P03', '08006', '53300', 'ECONNREFUSED', 'ECONNRESET'].map((code) => coded(code)),
      new Error('Connection terminated unexpectedly'),
      new Error('Query runner already released. Cannot run queries anymore.'),
    ];

    expect(away.map((error) => troubleBehind(error)?.code)).toEqual(away.map(() => 'UNAVAILABLE'));
  });

  it('is said to be the disk when that is full, here or in a store', () => {
    const full = ['ENOSPC', 'EDQUOT', '53100', 'InsufficientStorage', 'XMinioStorageFull'].map((code) =>
      coded(code),
    );

    expect(full.map((error) => troubleBehind(error)?.code)).toEqual(full.map(() => 'NO_SPACE'));
  });

  it('keeps the cause for the log', () => {
    const error = coded('57P01', 'terminating connection due to administrator command');

    expect(troubleBehind(error)?.cause).toBe(error);
  });

  it('is not found in mistakes of our own', () => {
    const others = [new TypeError('x is undefined'), coded('23505'), coded('57014'), 'ENOSPC', undefined];

    expect(others.map((error) => troubleBehind(error))).toEqual(others.map(() => undefined));
  });
});
