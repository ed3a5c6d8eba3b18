import { describe, expect, it } from 'vitest';
import { readTestBody } from './test-body.js';

describe('the body of a test event', () => {
  it('is taken in both spellings', () => {
    expect(readTestBody({ type: 'auth.user.created', data: { id: 1 } })).toEqual({
      type: 'auth.user.created',
      data: { id: 1 },
    });
    expect(readTestBody({ event_type: 'auth.user.created', event_data: { id: 1 } })).toEqual({
      type: 'auth.user.created',
      data: { id: 1 },
    });
  });

  it('keeps its data as it was sent, whatever the keys are called', () => {
    const data = { constructor: { prototype: 1 }, toString: null };

    expect(readTestBody({ type: 'a.b', data }).data).toBe(data);
    expect(readTestBody({ event_type: 'a.b', event_data: data }).data).toBe(data);
  });

  it('is refused without a type', () => {
    expect(() => readTestBody({ data: {} })).toThrow('not valid');
    expect(() => readTestBody(undefined)).toThrow('not valid');
    expect(() => readTestBody({ event_type: 7 })).toThrow('not valid');
  });
});
