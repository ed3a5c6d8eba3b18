import { uuidTime } from '@mortise/contracts';
import { describe, expect, it } from 'vitest';
import { derivedId, newId } from './ids.js';

describe('ids', () => {
  it('carry the time they were made at', () => {
    const at = Date.UTC(2026, 10, 21, 12);

    const id = newId({ now: () => at });

    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(uuidTime(id)).toBe(at);
  });

  it('never repeat', () => {
    const ids = new Set(Array.from({ length: 10_000 }, () => newId()));

    expect(ids.size).toBe(10_000);
  });

  it('derived from the same parts are the same, from other parts others', () => {
    const at = Date.UTC(2026, 10, 21);

    expect(derivedId(at, 'tenant', 'event')).toBe(derivedId(at, 'tenant', 'event'));
    expect(derivedId(at, 'tenan', 'tevent')).not.toBe(derivedId(at, 'tenant', 'event'));
    expect(derivedId(at, 'tenant')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab]/);
    expect(uuidTime(derivedId(at, 'tenant'))).toBe(at);
  });
});
