import { describe, expect, it } from 'vitest';
import { jsonDepth, parseJsonBody } from './json-body.js';

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
});
