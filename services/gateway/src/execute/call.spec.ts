import { describe, expect, it } from 'vitest';
import { functionOf } from './call.js';

const codeOf = (text: string, strict = true): string => {
  try {
    functionOf(text, strict);
    return 'taken';
  } catch (error) {
    return (error as { code: string }).code;
  }
};
const nested = (depth: number) => `{"input":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`;

describe('the body of an execute call', () => {
  it('names a function or leaves it open', () => {
    expect(functionOf('{"function":"greet","input":1}', true)).toBe('greet');
    expect(functionOf('{"input":[1,2]}', true)).toBeUndefined();
    expect(functionOf('{"function":null}', true)).toBeUndefined();
  });

  it.each([
    ['', 'INVALID_JSON'],
    ['{"input":', 'INVALID_JSON'],
    ['[1]', 'INVALID_JSON'],
    ['"text"', 'INVALID_JSON'],
    ['null', 'INVALID_JSON'],
    ['{"__proto__":{}}', 'INVALID_JSON'],
    [nested(65), 'JSON_TOO_DEEP'],
    [nested(64), 'taken'],
    ['{"function":7}', 'INVALID_REQUEST'],
    ['{"context":[]}', 'INVALID_REQUEST'],
    ['{"inputs":{}}', 'INVALID_REQUEST'],
  ])('judges %j: %s', (text, verdict) => {
    expect(codeOf(text)).toBe(verdict);
  });

  it('points at each wrong place', () => {
    try {
      functionOf('{"function":7,"context":"me","a/b":1}', true);
      expect.unreachable();
    } catch (error) {
      const { errors } = error as { errors: { pointer: string }[] };
      expect(errors.map(({ pointer }) => pointer)).toEqual(['/function', '/context', '/a~1b']);
    }
  });

  it('forgives unknown properties on the older route', () => {
    expect(codeOf('{"plugin_id":"x","input":{}}', false)).toBe('taken');
  });
});
