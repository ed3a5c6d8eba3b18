import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventCatalogue } from '@mortise/contracts';
import { describe, expect, it } from 'vitest';
import { decodeEvent, encodeEvent } from './codec.js';
import type { BusRecord, Received } from './record.js';

const folder = join(import.meta.dirname, '../../contracts/samples');

type Sample = Pick<BusRecord, 'topic' | 'key' | 'headers'> & { value: unknown };
const samples = readdirSync(folder).map((file) => {
  const { type = '', version } = /^(?<type>.+)\.v(?<version>\d+)\.json$/.exec(file)?.groups ?? {};
  return { file, type, version: Number(version) };
});
const read = (file: string): Sample => JSON.parse(readFileSync(join(folder, file), 'utf8')) as Sample;
const receivedOf = ({ value, ...record }: Sample): Received => ({
  ...record,
  value: Buffer.from(JSON.stringify(value)),
  partition: 0,
  offset: '0',
  timestamp: 0,
  attempt: 1,
});

describe('libs/contracts/samples', () => {
  it.each(Object.values(eventCatalogue))(
    'has a record of $type as it travels today: add one that a broker took',
    ({ type, version }) => {
      expect(samples.map(({ file }) => file)).toContain(`${type}.v${version}.json`);
    },
  );

  // What a broker keeps was written by older releases: their records stay readable, and stay in their order.
  it.each(samples)(
    '$file still parses, whole, and has the same key and envelope',
    ({ file, type, version }) => {
      const definition = eventCatalogue[type];
      if (!definition) throw new Error(`${type} is not in the catalogue any more, but brokers still hold it`);
      const sample = read(file);

      const event = decodeEvent(definition, receivedOf(sample));
      const { data, record: _record, ...meta } = event;
      const again = encodeEvent(definition, data, meta);

      expect(event.type).toBe(type);
      expect(sample.headers['ce_dataschema']).toBe(`urn:mortise:schema:${type}:v${version}`);
      expect(data).toEqual(sample.value);
      expect([again.topic, again.key]).toEqual([sample.topic, sample.key]);
      if (version === definition.version) expect(again.headers).toMatchObject(sample.headers);
    },
  );
});
