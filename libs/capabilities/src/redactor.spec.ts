import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cleanLine } from './log.js';
import { Redactor } from './redactor.js';

const knowing = (...values: string[]): Redactor => {
  const redactor = new Redactor();
  for (const value of values) redactor.add(value);
  return redactor;
};

describe('the redactor', () => {
  it('masks every copy, the longer of two values whole', () => {
    expect(knowing('abcd', 'abcdef').text('x abcdef y abcd')).toBe('x *** y ***');
  });

  it('keeps JSON valid whatever the secret looks like', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 4 }), fc.jsonValue(), (secret, value) => {
        const json = JSON.stringify({ secret, value, [`k${secret}`]: [secret] });

        const clean: unknown = JSON.parse(knowing(secret).json(json));

        expect(JSON.stringify(clean)).not.toContain(JSON.stringify(`k${secret}`));
        expect((clean as { secret: string }).secret).toBe('***');
      }),
    );
  });

  it('leaves text without secrets as it is', () => {
    expect(knowing('secret').json('{"a":"\\u00e9"}')).toBe('{"a":"é"}');
    expect(new Redactor().json('{"a":1 }')).toBe('{"a":1 }');
  });

  it('cleans message and fields of a log line', () => {
    const line = { level: 'info' as const, message: 'key s3cret', fields: { s3cret: ['s3cret'] } };

    expect(cleanLine(line, knowing('s3cret'))).toEqual({
      level: 'info',
      message: 'key ***',
      fields: { '***': ['***'] },
    });
  });
});
