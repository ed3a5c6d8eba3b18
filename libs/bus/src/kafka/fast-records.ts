import { createRequire } from 'node:module';
import type { Message } from 'kafkajs';

// kafkajs encodes each header of each record in a buffer of its own of 512 zeroed bytes, and each number in one more:
// with our dozen headers that was the most expensive part of sending. Here a record is one buffer, written once.

type Bytes = Buffer | string | null | undefined;

/** A record of a batch as kafkajs hands it to its encoder. */
export interface RecordFields extends Pick<Message, 'key' | 'value' | 'headers'> {
  offsetDelta?: number;
  timestampDelta?: number;
}

/** What kafkajs takes for an encoder that is done. */
export interface Encoded {
  buf: Buffer;
  buffer: Buffer;
}

// Small negative numbers are small: 0, -1, 1, -2 become 0, 1, 2, 3. A delta of time may be beyond 32 bits.
const zigZag = (value: number): number => (value >= 0 ? value * 2 : value * -2 - 1);

function sizeOfInt(value: number): number {
  let bytes = 1;
  for (let rest = zigZag(value); rest >= 128; rest = Math.floor(rest / 128)) bytes += 1;
  return bytes;
}
const lengthOf = (bytes: Buffer | string): number =>
  typeof bytes === 'string' ? Buffer.byteLength(bytes) : bytes.length;
const sizeOf = (bytes: Bytes): number =>
  bytes === null || bytes === undefined ? 1 : sizeOfInt(lengthOf(bytes)) + lengthOf(bytes);

function writeInt(buffer: Buffer, value: number, offset: number): number {
  let rest = zigZag(value);
  for (; rest >= 128; rest = Math.floor(rest / 128)) buffer[offset++] = (rest % 128) | 128;
  buffer[offset] = rest;
  return offset + 1;
}

function write(buffer: Buffer, bytes: Bytes, offset: number): number {
  if (bytes === null || bytes === undefined) return writeInt(buffer, -1, offset);
  const start = writeInt(buffer, lengthOf(bytes), offset);
  return start + (typeof bytes === 'string' ? buffer.write(bytes, start) : bytes.copy(buffer, start));
}

/** A record of Kafka's batch format 2: lengths and numbers as varints, then attributes, key, value, headers. */
export function encodeRecord(fields: RecordFields): Encoded {
  const { offsetDelta = 0, timestampDelta = 0, key, value, headers = {} } = fields;
  const pairs: Bytes[] = [];
  for (const name in headers) for (const one of [headers[name]].flat()) pairs.push(name, one);
  const count = pairs.length / 2;
  let size = 1 + sizeOfInt(timestampDelta) + sizeOfInt(offsetDelta) + sizeOf(key) + sizeOf(value);
  size += sizeOfInt(count);
  for (const part of pairs) size += sizeOf(part);

  const buffer = Buffer.allocUnsafe(sizeOfInt(size) + size);
  let offset = writeInt(buffer, size, 0);
  buffer[offset++] = 0;
  offset = writeInt(buffer, timestampDelta, offset);
  offset = writeInt(buffer, offsetDelta, offset);
  offset = write(buffer, key, offset);
  offset = write(buffer, value, offset);
  offset = writeInt(buffer, count, offset);
  for (const part of pairs) offset = write(buffer, part, offset);
  return { buf: buffer, buffer };
}

const require = createRequire(import.meta.url);
const place = require.resolve('kafkajs/src/protocol/recordBatch/record/v0/index.js');
/** kafkajs' own, whose bytes ours have to equal. */
export const encodeAsKafkajs = require(place) as (fields: RecordFields) => Encoded;
// Whoever requires it from now on gets ours: `kafkajs.ts` loads this file before the rest of kafkajs.
const loaded = require.cache[place];
if (loaded) loaded.exports = encodeRecord;
