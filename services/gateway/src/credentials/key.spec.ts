import { describe, expect, it } from 'vitest';
import { hashOf, keyOf, newKey, prefixOf } from './key.js';

describe('an API key', () => {
  it('is mk_ and 32 random bytes', () => {
    const keys = new Set(Array.from({ length: 100 }, newKey));

    expect(keys.size).toBe(100);
    for (const key of keys) expect(Buffer.from(key.slice(3), 'base64url')).toHaveLength(32);
  });

  it('is recognised by its first characters and stored as SHA-256', () => {
    const key = newKey();

    expect(prefixOf(key)).toMatch(/^mk_[\w-]{8}$/);
    expect(hashOf(key)).toMatch(/^[0-9a-f]{64}$/);
  });

  it('is read from a bearer header however it is spelled', () => {
    const key = newKey();

    expect(keyOf(`Bearer ${key}`)).toBe(key);
    expect(keyOf(`bearer  ${key} `)).toBe(key);
    expect(keyOf(key)).toBeUndefined();
    expect(keyOf(`Basic ${key}`)).toBeUndefined();
    expect(keyOf('Bearer mk_short')).toBeUndefined();
    expect(keyOf(`Bearer ${key}\u0000`)).toBeUndefined();
  });
});
