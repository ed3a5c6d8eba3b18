import { createHash, randomFillSync } from 'node:crypto';
import { systemClock, type Clock } from './clock.js';

const hex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

function format(bytes: Uint8Array, offset: number): string {
  let id = '';
  for (let index = 0; index < 16; index++) {
    if (index === 4 || index === 6 || index === 8 || index === 10) id += '-';
    id += hex[bytes[offset + index] as number];
  }
  return id;
}

function stamp(bytes: Uint8Array, offset: number, ms: number, version: number): void {
  for (let index = 5, rest = ms; index >= 0; index--, rest = Math.floor(rest / 256))
    bytes[offset + index] = rest % 256;
  bytes[offset + 6] = ((bytes[offset + 6] as number) & 0x0f) | (version << 4);
  bytes[offset + 8] = ((bytes[offset + 8] as number) & 0x3f) | 0x80;
}

// Random bytes are drawn for many ids at once: one system call each would be most of the cost of an id.
const pool = new Uint8Array(16 * 256);
let used = pool.length;

/** A new UUIDv7 (RFC 9562): 48 bits of time, the rest random. */
export function newId(clock: Clock = systemClock): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  stamp(pool, used, clock.now(), 7);
  used += 16;
  return format(pool, used - 16);
}

/**
 * A UUIDv8 that is the same for the same parts: 48 bits of the time of acceptance and a hash. A redelivered event or
 * tick lands on the same execution.
 */
export function derivedId(acceptedAtMs: number, ...parts: string[]): string {
  const hash = createHash('sha256');
  // The length keeps ('ab','c') and ('a','bc') apart.
  for (const part of parts) hash.update(`${part.length}:${part}`);
  const bytes = new Uint8Array(hash.digest().subarray(0, 16));
  stamp(bytes, 0, acceptedAtMs, 8);
  return format(bytes, 0);
}
