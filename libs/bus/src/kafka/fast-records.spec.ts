import { describe, expect, it } from 'vitest';
import { encodeAsKafkajs, encodeRecord, type RecordFields } from './fast-records.js';

const records: Record<string, RecordFields> = {
  'nothing at all': { value: null },
  'a tombstone': { key: 'key', value: null, headers: {} },
  'empty texts': { key: '', value: '', headers: { a: '' } },
  'bytes and texts': {
    key: Buffer.from([0, 255]),
    value: Buffer.from('value'),
    headers: { b: Buffer.from('c') },
  },
  'text beyond ASCII': { key: 'schlüssel', value: '值', headers: { ключ: '🔑' } },
  'a header with many values': { key: 'k', value: 'v', headers: { many: ['a', Buffer.from('b')], one: 'c' } },
  'many headers': {
    key: 'k',
    value: 'v'.repeat(100_000),
    headers: Object.fromEntries(
      Array.from({ length: 200 }, (_, index) => [`name-${index}`, 'x'.repeat(index)]),
    ),
  },
};
for (const delta of [0, 1, 63, 64, 127, 128, 8_191, 8_192, 65_536, 2 ** 31 - 1])
  records[`the ${delta}th of its batch`] = { value: 'v', offsetDelta: delta };
for (const delta of [0, 1, 64, 1_000, 2 ** 31, 2 ** 40, -1, -65, -(2 ** 33)])
  records[`${delta} ms after the first`] = { value: 'v', timestampDelta: delta };
for (const size of [62, 63, 64, 8_190, 8_191, 8_192, 1_048_576])
  records[`a value of ${size} bytes`] = { value: Buffer.alloc(size, 7) };

describe('a record for Kafka', () => {
  it.each(Object.entries(records))('is encoded byte for byte as kafkajs does: %s', (_what, fields) => {
    expect(encodeRecord(fields).buffer.equals(encodeAsKafkajs(fields).buffer)).toBe(true);
  });
});
