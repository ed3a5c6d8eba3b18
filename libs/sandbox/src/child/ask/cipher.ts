import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  hkdfSync,
  pbkdf2Sync,
  randomBytes,
  randomUUID,
  timingSafeEqual,
} from 'node:crypto';
import type { Question } from './ask.js';
import { base64, bytes, latin1, Refused, text, whole } from './refused.js';

/** By the web's names. */
const hashes: Record<string, string> = {
  'SHA-1': 'sha1',
  'SHA-256': 'sha256',
  'SHA-384': 'sha384',
  'SHA-512': 'sha512',
};
/** What one question may derive: a tenth of a second at most. */
const mostIterations = 100_000;
const mostRandomBytes = 65_536;
const mostDerivedBytes = 8_160;

export function hashOf(name: unknown): string {
  const known = hashes[text(name)];
  if (!known) throw new Refused('NotSupportedError', 'The hash is not known');
  return known;
}

const keyBits = new Map([
  [16, 128],
  [24, 192],
  [32, 256],
]);

function bitsOf(key: Buffer): number {
  const bits = keyBits.get(key.length);
  if (!bits) throw new Refused('OperationError', 'The key has no length that AES knows');
  return bits;
}

function gcm(seal: boolean, key: Buffer, iv: Buffer, aad: Buffer, tagBits: unknown, data: Buffer): string {
  const authTagLength = whole(tagBits, 32, 128) / 8;
  const name = `aes-${bitsOf(key)}-gcm` as const;
  try {
    if (seal) {
      const cipher = createCipheriv(name as 'aes-256-gcm', key, iv, { authTagLength });
      if (aad.length > 0) cipher.setAAD(aad);
      return latin1(Buffer.concat([cipher.update(data), cipher.final(), cipher.getAuthTag()]));
    }
    const cut = data.length - authTagLength;
    if (cut < 0) throw new RangeError('shorter than its tag');
    const decipher = createDecipheriv(name as 'aes-256-gcm', key, iv, { authTagLength });
    if (aad.length > 0) decipher.setAAD(aad);
    decipher.setAuthTag(data.subarray(cut));
    return latin1(Buffer.concat([decipher.update(data.subarray(0, cut)), decipher.final()]));
  } catch {
    throw new Refused('OperationError', 'The data or its tag does not fit the key');
  }
}

function plain(mode: string, seal: boolean, key: Buffer, iv: Buffer | null, data: Buffer): string {
  const name = mode === 'kw' ? `id-aes${bitsOf(key)}-wrap` : `aes-${bitsOf(key)}-${mode}`;
  try {
    const cipher = seal ? createCipheriv(name, key, iv) : createDecipheriv(name, key, iv);
    return latin1(Buffer.concat([cipher.update(data), cipher.final()]));
  } catch {
    throw new Refused('OperationError', 'The data does not fit the key');
  }
}

const wrapIv = Buffer.alloc(8, 0xa6);

/** Random bytes, digests, and what takes a secret key. Keys and other small bytes are base64, data is the rest. */
export const cipherQuestions: Record<string, Question> = {
  random: ([length]) => latin1(randomBytes(whole(length, 0, mostRandomBytes))),
  uuid: () => randomUUID(),
  digest: ([hash], rest) => latin1(createHash(hashOf(hash)).update(bytes(rest)).digest()),
  hmac: ([hash, key], rest) => latin1(createHmac(hashOf(hash), base64(key)).update(bytes(rest)).digest()),
  hmacVerify: ([hash, key, signature], rest) => {
    const made = createHmac(hashOf(hash), base64(key)).update(bytes(rest)).digest();
    const given = base64(signature);
    return String(made.length === given.length && timingSafeEqual(made, given));
  },
  /** Args: mode, 'seal' or 'open', key, iv, additional data, bits of the tag. */
  aes: ([mode, way, key, iv, aad, tagBits], rest) => {
    const seal = way === 'seal';
    switch (mode) {
      case 'gcm':
        return gcm(seal, base64(key), base64(iv), base64(aad), tagBits, bytes(rest));
      case 'cbc':
      case 'ctr':
        return plain(mode, seal, base64(key), base64(iv), bytes(rest));
      case 'kw':
        return plain(mode, seal, base64(key), wrapIv, bytes(rest));
      default:
        throw new Refused('NotSupportedError', 'The mode is not known');
    }
  },
  hkdf: ([hash, key, salt, info, length]) =>
    latin1(
      new Uint8Array(
        hkdfSync(
          hashOf(hash),
          base64(key),
          base64(salt),
          base64(info).subarray(0, 1_024),
          whole(length, 1, mostDerivedBytes),
        ),
      ),
    ),
  pbkdf2: ([hash, key, salt, iterations, length]) => {
    const bytesOut = whole(length, 1, 64);
    return latin1(
      pbkdf2Sync(base64(key), base64(salt), whole(iterations, 1, mostIterations), bytesOut, hashOf(hash)),
    );
  },
};
