import { describe, expect, it } from 'vitest';
import { readDocument } from '../manifest/document.js';
import { checkManifestShape } from '../manifest/validate.js';
import type { Example } from './rule.js';
import { judge, rules } from './table.js';

const minimal = {
  manifestVersion: 1,
  slug: 'probe',
  name: 'Probe',
  version: '1.0.0',
  main: 'index.js',
  functions: { x: {} },
};
const files = new Set(['index.js', 'main.wasm', 'webhook.yaml']);

/** The rules that a manifest breaks; the example must pass the schema, or it would not show what the rule is for. */
function broken(example: Example) {
  const read = readDocument('plugin.json', Buffer.from(JSON.stringify({ ...minimal, ...example }, null, 2)));
  if (!read.ok) throw new Error(JSON.stringify(read.errors));
  const shape = checkManifestShape(read.document.value);
  if (!shape.ok) throw new Error(JSON.stringify(shape.mismatches));
  return judge({ manifest: shape.value, files }, read.document);
}

describe('the table of manifest rules', () => {
  it.each(rules)('$id: $what', ({ id, code, holds, breaks }) => {
    expect(broken(holds).errors).toEqual([]);

    const { errors, onlyUnsupported } = broken(breaks);
    expect(errors.map(({ rule }) => rule)).toContain(id);
    expect(errors.every(({ line, frame, file }) => line && frame && file === 'plugin.json')).toBe(true);
    expect(onlyUnsupported).toBe(code === 'NOT_SUPPORTED_YET');
  });

  it('has no two rules of one name', () => {
    expect(new Set(rules.map(({ id }) => id)).size).toBe(rules.length);
  });

  it.each([
    '99 * * * *',
    '* * * * * *',
    '* * *',
    '0 0 30 2 *',
    '0 0 31 4,6,9,11 *',
    '*/0 * * * *',
    '60 * * * *',
    '5-1 * * * *',
    '@yearly',
  ])('refuses the schedule %s', (schedule) => {
    const check = () =>
      broken({ jobs: [{ name: 'j', schedule, function: 'x' }] }).errors.map(({ rule }) => rule);
    const refusal = (() => {
      try {
        return check();
      } catch {
        return ['schema'];
      }
    })();
    expect(refusal).not.toEqual([]);
  });

  it.each(['* * * * *', '*/5 9-17 * * MON-FRI', '0 0 29 2 *', '0 0 L * *', '@hourly', '@weekly'])(
    'takes the schedule %s',
    (schedule) => {
      expect(broken({ jobs: [{ name: 'j', schedule, function: 'x' }] }).errors).toEqual([]);
    },
  );

  it.each([
    '^(a|ab)*$',
    '^(\\d+)*$',
    '^(a?b)*$',
    '\\s*\\s*x',
    '(x+x+)+y',
    '^(\\w|\\d)+$',
    '(',
    '^(?:[a-z]|[m-q])+$',
  ])('refuses the pattern %s', (pattern) => {
    const { errors } = broken({ config: { type: 'object', properties: { a: { type: 'string', pattern } } } });
    expect(errors[0]?.rule).toBe('schema-pattern');
  });

  it.each([
    '^[a-z][a-z0-9-]*$',
    '^(red|green|blue)$',
    '^[^@\\s]+@[^@\\s]+\\.[a-z]{2,}$',
    '^\\d{4}-\\d{2}-\\d{2}$',
    '^(a|b)+$',
    '^https://',
  ])('takes the pattern %s', (pattern) => {
    expect(
      broken({ config: { type: 'object', properties: { a: { type: 'string', pattern } } } }).errors,
    ).toEqual([]);
  });

  it('reads a $ref in a default as data', () => {
    const schema = {
      type: 'object',
      properties: {
        a: { type: 'object', default: { $ref: 'https://example.com' } },
        $ref: { type: 'string' },
      },
    };
    expect(broken({ config: schema }).errors).toEqual([]);
  });
});
