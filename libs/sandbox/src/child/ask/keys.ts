import {
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
} from 'node:crypto';
import type { Question } from './ask.js';
import { base64, latin1, Refused, text } from './refused.js';

/** By the web's names; what each is called here. */
const curves: Record<string, string> = {
  'P-256': 'prime256v1',
  'P-384': 'secp384r1',
  'P-521': 'secp521r1',
};
const edwards: Record<string, string> = { Ed25519: 'ed25519', X25519: 'x25519' };
/** A key beyond it makes one signature a matter of seconds. */
const mostRsaBits = 4_096;

/** @param der PKCS #8 or SPKI, base64: how a key of a pair lives in an isolate */
export const privateKey = (der: unknown): KeyObject =>
  checked(() => createPrivateKey({ key: base64(der), format: 'der', type: 'pkcs8' }));
export const publicKey = (der: unknown): KeyObject =>
  checked(() => createPublicKey({ key: base64(der), format: 'der', type: 'spki' }));

function checked(make: () => KeyObject): KeyObject {
  let key: KeyObject;
  try {
    key = make();
  } catch {
    throw new Refused('DataError', 'The key cannot be read');
  }
  if ((key.asymmetricKeyDetails?.modulusLength ?? 0) > mostRsaBits) {
    throw new Refused('NotSupportedError', `RSA keys have ${mostRsaBits} bits at most here`);
  }
  return key;
}

const der = (key: KeyObject): Buffer =>
  key.type === 'private'
    ? key.export({ format: 'der', type: 'pkcs8' })
    : key.export({ format: 'der', type: 'spki' });

/** Type, DER, kind and its measures: all that an isolate keeps of a key. */
function record(key: KeyObject): string {
  const { namedCurve, modulusLength, publicExponent } = key.asymmetricKeyDetails ?? {};
  return JSON.stringify({
    type: key.type,
    der: der(key).toString('base64'),
    kind: key.asymmetricKeyType,
    curve: Object.keys(curves).find((name) => curves[name] === namedCurve),
    modulusLength,
    publicExponent: publicExponent?.toString(),
  });
}

/** A point or a bare Edwards key, as JWK says it. */
function fromRaw(name: string, raw: Buffer): KeyObject {
  const url = (part: Buffer) => part.toString('base64url');
  if (edwards[name]) {
    return createPublicKey({ key: { kty: 'OKP', crv: name, x: url(raw) }, format: 'jwk' });
  }
  const half = (raw.length - 1) / 2;
  if (raw[0] !== 4 || !Number.isInteger(half))
    throw new Refused('DataError', 'The point is not uncompressed');
  const key = { kty: 'EC', crv: name, x: url(raw.subarray(1, 1 + half)), y: url(raw.subarray(1 + half)) };
  return createPublicKey({ key, format: 'jwk' });
}

function toRaw(key: KeyObject): Buffer {
  const { kty, x = '', y = '' } = key.export({ format: 'jwk' });
  const [first, second] = [Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')];
  if (kty === 'OKP') return first;
  if (kty === 'EC') return Buffer.concat([Buffer.of(4), first, second]);
  throw new Refused('NotSupportedError', 'This kind of key has no raw form');
}

/** Keys of pairs: read, written, made, agreed on. */
export const keyQuestions: Record<string, Question> = {
  /** Args: format, name of the curve (raw only), base64 or JWK. */
  keyRead: ([format, name, data]) => {
    switch (format) {
      case 'pkcs8':
        return record(privateKey(data));
      case 'spki':
        return record(publicKey(data));
      case 'raw':
        return record(checked(() => fromRaw(text(name), base64(data))));
      case 'jwk': {
        const jwk = data as JsonWebKey;
        return record(
          checked(() =>
            jwk.d === undefined
              ? createPublicKey({ key: jwk, format: 'jwk' })
              : createPrivateKey({ key: jwk, format: 'jwk' }),
          ),
        );
      }
      default:
        throw new Refused('NotSupportedError', 'The format is not known');
    }
  },
  /** Args: type, DER. The answer is JSON of the JWK. */
  keyJwk: ([type, key]) =>
    JSON.stringify((type === 'private' ? privateKey(key) : publicKey(key)).export({ format: 'jwk' })),
  keyRaw: ([key]) => latin1(toRaw(publicKey(key))),
  /** Args: curve. The making of an RSA key has no bound in time, so it is not here. */
  keyMake: ([name]) => {
    const curve = curves[text(name)];
    const kind = edwards[text(name)];
    if (!curve && !kind) throw new Refused('NotSupportedError', 'Keys of this kind are not made here');
    const { privateKey: own, publicKey: open } = curve
      ? generateKeyPairSync('ec', { namedCurve: curve })
      : generateKeyPairSync(kind as 'ed25519');
    return `[${record(own)},${record(open)}]`;
  },
  /** Args: own private DER, the other's public DER: the shared secret. */
  keyAgree: ([own, other]) => {
    const keys = { privateKey: privateKey(own), publicKey: publicKey(other) };
    try {
      return latin1(diffieHellman(keys));
    } catch {
      throw new Refused('OperationError', 'The two keys do not fit each other');
    }
  },
};
