import { describe, expect, it } from 'vitest';
import { InputCheck } from './input-check.js';

const schema = {
  type: 'object',
  required: ['name'],
  additionalProperties: false,
  properties: { name: { type: 'string' }, at: { type: 'string', format: 'date-time' } },
};

describe('InputCheck', () => {
  it('names each wrong place by JSON pointer', () => {
    const errors = new InputCheck().errors('digest', 'run', schema, { name: 1, extra: true });

    expect(errors).toEqual([
      { pointer: '', message: 'must NOT have additional properties: extra', rule: 'additionalProperties' },
      { pointer: '/name', message: 'must be string', rule: 'type' },
    ]);
  });

  it('keeps schemas of different packages apart, also those with one $id', () => {
    const check = new InputCheck();
    const first = { $id: 'https://example.com/in', type: 'string' };
    const second = { $id: 'https://example.com/in', type: 'number' };

    expect(check.errors('one', 'run', first, 'x')).toEqual([]);
    expect(check.errors('two', 'run', second, 'x')).toHaveLength(1);
    expect(check.errors('one', 'run', first, 'x')).toEqual([]);
  });
});
