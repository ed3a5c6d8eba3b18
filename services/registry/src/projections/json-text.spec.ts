import type { Database } from '@mortise/database';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { registryDatabase } from '../../test/installed.js';
import { storableJson } from './json-text.js';

let db: Database;
let close: () => Promise<unknown>;
beforeAll(async () => {
  const database = await registryDatabase();
  db = database.db;
  close = database.close;
});
afterAll(() => close());

const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);

it.each([
  ['NUL', '"a\\u0000b"', 'a\ufffdb'],
  ['half a surrogate pair', '{"\\ud800":1}', { '\ufffd': 1 }],
  ['a number over what numeric holds', '{"n":1e999999}', { n: null }],
  ['a number that is closer to zero', '[1e-999999]', [0]],
  ['more digits than numeric holds', `[${'9'.repeat(200_000)}]`, [null]],
  [
    'an object whose key says __proto__ beside it',
    '{"__proto__":{"a":"\\u0000"}}',
    { ['__proto__']: { a: '\ufffd' } },
  ],
  ['a nest of 1,000', nested(1_000), JSON.parse(nested(1_000)) as unknown],
])('gives jsonb a result with %s', async (_what, text, kept) => {
  const [row] = await db.system((tx) =>
    tx.query<{ kept: unknown }[]>('select $1::jsonb as kept', [storableJson(text)]),
  );

  expect(JSON.stringify(row?.kept)).toBe(JSON.stringify(kept));
});

it.each([
  ['is no JSON', '{'],
  ['is nested deeper than jsonb takes', nested(50_000)],
])('refuses a result that %s', (_what, text) => {
  expect(() => storableJson(text)).toThrow('cannot be decoded');
});
