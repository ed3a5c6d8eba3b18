import { constants, privateDecrypt, publicEncrypt, sign, verify, type KeyObject } from 'node:crypto';
import type { Question } from './ask.js';
import { hashOf } from './cipher.js';
import { privateKey, publicKey } from './keys.js';
import { base64, bytes, latin1, Refused, text, whole } from './refused.js';

interface Scheme {
  kind: string;
  hash: string | null;
  padding?: number;
  saltLength?: number;
  dsaEncoding?: 'ieee-p1363';
}

function schemeOf(name: unknown, hash: unknown, saltLength: unknown): Scheme {
  switch (text(name)) {
    case 'Ed25519':
      return { kind: 'ed25519', hash: null };
    case 'ECDSA':
      return { kind: 'ec', hash: hashOf(hash), dsaEncoding: 'ieee-p1363' };
    case 'RSASSA-PKCS1-v1_5':
      return { kind: 'rsa', hash: hashOf(hash), padding: constants.RSA_PKCS1_PADDING };
    case 'RSA-PSS':
      return {
        kind: 'rsa',
        hash: hashOf(hash),
        padding: constants.RSA_PKCS1_PSS_PADDING,
        saltLength: whole(saltLength, 0, 512),
      };
    default:
      throw new Refused('NotSupportedError', 'The way of signing is not known');
  }
}

function using<T>(key: KeyObject, scheme: Scheme, act: (options: object) => T): T {
  if (key.asymmetricKeyType !== scheme.kind) {
    throw new Refused('InvalidAccessError', 'The key is of another kind');
  }
  const { padding, saltLength, dsaEncoding } = scheme;
  try {
    return act({
      key,
      ...(padding !== undefined && { padding }),
      ...(saltLength !== undefined && { saltLength }),
      ...(dsaEncoding && { dsaEncoding }),
    });
  } catch {
    throw new Refused('OperationError', 'The data does not fit the key');
  }
}

/** Signatures, and RSA-OAEP. Keys are DER in base64, data is the rest. */
export const signatureQuestions: Record<string, Question> = {
  /** Args: scheme, hash, private key, length of the salt. */
  sign: ([name, hash, key, saltLength], rest) => {
    const scheme = schemeOf(name, hash, saltLength);
    return using(privateKey(key), scheme, (options) =>
      latin1(sign(scheme.hash, bytes(rest), options as never)),
    );
  },
  /** Args: scheme, hash, public key, length of the salt, signature. */
  verify: ([name, hash, key, saltLength, signature], rest) => {
    const scheme = schemeOf(name, hash, saltLength);
    return using(publicKey(key), scheme, (options) =>
      String(verify(scheme.hash, bytes(rest), options as never, base64(signature))),
    );
  },
  /** Args: 'seal' or 'open', hash, key, label. */
  oaep: ([way, hash, key, label], rest) => {
    const scheme = { kind: 'rsa', hash: hashOf(hash), padding: constants.RSA_PKCS1_OAEP_PADDING };
    const more = { oaepHash: scheme.hash, oaepLabel: base64(label) };
    return way === 'seal'
      ? using(publicKey(key), scheme, (options) =>
          latin1(publicEncrypt({ ...options, ...more } as never, bytes(rest))),
        )
      : using(privateKey(key), scheme, (options) =>
          latin1(privateDecrypt({ ...options, ...more } as never, bytes(rest))),
        );
  },
};
