import { jsonDepth } from '@mortise/contracts';
import { describe, expect, it } from 'vitest';
import { parseJsonBody } from './json-body.js';

describe('JSON bodies', () => {
  it('count the depth of brackets outside strings', () => {
    expect(jsonDepth('{"a":[{"b":"[[[[{{{"}]}')).toBe(3);
    expect(jsonDepth('"\\"["')).toBe(0);
  });

  it('are refused when they nest deeper than 64 levels, however deep', () => {
    expect(() => parseJsonBody('['.repeat(65) + ']'.repeat(65))).toThrow('deeper than 64');
    expect(() => parseJsonBody('['.repeat(900_000))).toThrow('deeper than 64');
    expect(parseJsonBody('['.repeat(64) + ']'.repeat(64))).toBeInstanceOf(Array);
  });

  it('are refused with a __proto__ key and with broken syntax', () => {
    expect(() => parseJsonBody('{"a":{"__proto__":{"x":1}}}')).toThrow('__proto__');
    expect(() => parseJsonBody('{"a":')).toThrow('not valid JSON');
  });

  it('are not quoted when they are refused: they may hold a secret', () => {
    for (const text of ['{"value":sk_live_1}', 'sk_live_1', '{"value":"sk_live_1" x}', '[sk_live_1\n, "a"]'])
      expect(() => parseJsonBody(text)).toThrow(
        expect.objectContaining({ message: expect.not.stringContaining('live') as string }) as Error,
      );
  });
});
