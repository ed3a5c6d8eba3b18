import { describe, expect, it } from 'vitest';
import { validateConfig } from './config.js';

const schema = {
  type: 'object',
  required: ['url'],
  additionalProperties: false,
  properties: {
    url: { type: 'string', format: 'uri' },
    retries: { type: 'integer', default: 3 },
    mail: {
      type: 'object',
      default: {},
      properties: { from: { type: 'string', default: 'noreply@example.com' } },
    },
  },
};

describe('a configuration', () => {
  it('gets the defaults of its schema, nested ones too, and the caller keeps his own', () => {
    const given = { url: 'https://example.com' };

    expect(validateConfig(schema, given)).toEqual({
      ok: true,
      config: { url: 'https://example.com', retries: 3, mail: { from: 'noreply@example.com' } },
    });
    expect(given).toEqual({ url: 'https://example.com' });
  });

  it('is never coerced into the right type', () => {
    expect(validateConfig(schema, { url: 'https://example.com', retries: '5' })).toEqual({
      ok: false,
      errors: [{ pointer: '/retries', rule: 'type', message: 'expected an integer, found "5"' }],
    });
  });

  it('is told of every mistake at once', () => {
    const checked = validateConfig(schema, { url: 'nowhere', retry: 1 });

    expect(checked.ok ? [] : checked.errors.map(({ pointer }) => pointer)).toEqual(['/retry', '/url']);
  });

  it.each([[null], ['text'], [[]], [5]])('is an object, not %j', (config) => {
    expect(validateConfig({}, config)).toMatchObject({ ok: false, errors: [{ rule: 'type' }] });
  });

  it('is empty where the manifest has no schema', () => {
    expect(validateConfig(undefined, {})).toEqual({ ok: true, config: {} });
    expect(validateConfig(undefined, { a: 1 })).toMatchObject({ ok: false });
  });

  it('is checked by its own schema where two plugins use one $id', () => {
    expect(
      validateConfig({ $id: 'https://example.com/x', type: 'object', required: ['a'] }, { a: 1 }),
    ).toMatchObject({
      ok: true,
    });
    expect(
      validateConfig({ $id: 'https://example.com/x', type: 'object', required: ['b'] }, { a: 1 }),
    ).toMatchObject({
      ok: false,
    });
  });

  it('does not change the prototype of anything', () => {
    const hostile = JSON.parse('{"__proto__": {"polluted": true}}') as unknown;

    validateConfig({ type: 'object' }, hostile);

    expect(({} as { polluted?: true }).polluted).toBeUndefined();
  });
});
