import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const algorithm = 'aes-256-gcm';
const nonceBytes = 12;
const tagBytes = 16;
const keyBytes = 32;

/** Where a secret lives. It is sealed with the value: a row copied to another place does not open there. */
export interface SecretPlace {
  tenantId: string;
  installationId: string;
  key: string;
  version: number;
}

const placeText = ({ tenantId, installationId, key, version }: SecretPlace): Buffer =>
  Buffer.from(JSON.stringify(['secret', tenantId, installationId, key, version]));
const keyText = (tenantId: string): Buffer => Buffer.from(JSON.stringify(['tenant-key', tenantId]));

/** Seals tenants' data keys by the master key, and values by the data keys (AES-256-GCM: nonce, tag, ciphertext). */
export class Vault {
  private readonly masterKey: Buffer;

  /** @param masterKey 32 bytes in hex */
  constructor(masterKey: string) {
    this.masterKey = Buffer.from(masterKey, 'hex');
    if (this.masterKey.length !== keyBytes) throw new Error('MORTISE_MASTER_KEY must be 32 bytes in hex');
  }

  /** A new data key, sealed. */
  newTenantKey(tenantId: string): Buffer {
    return seal(this.masterKey, randomBytes(keyBytes), keyText(tenantId));
  }

  seal(sealedKey: Buffer, place: SecretPlace, value: string): Buffer {
    return seal(this.tenantKey(sealedKey, place.tenantId), Buffer.from(value), placeText(place));
  }

  /** @throws when it was sealed elsewhere, by another key, or was changed */
  open(sealedKey: Buffer, place: SecretPlace, sealed: Buffer): string {
    return open(this.tenantKey(sealedKey, place.tenantId), sealed, placeText(place)).toString();
  }

  private tenantKey(sealedKey: Buffer, tenantId: string): Buffer {
    return open(this.masterKey, sealedKey, keyText(tenantId));
  }
}

function seal(key: Buffer, plain: Buffer, bound: Buffer): Buffer {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagBytes }).setAAD(bound);
  const text = Buffer.concat([cipher.update(plain), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), text]);
}

function open(key: Buffer, sealed: Buffer, bound: Buffer): Buffer {
  const textStart = nonceBytes + tagBytes;
  const decipher = createDecipheriv(algorithm, key, sealed.subarray(0, nonceBytes), {
    authTagLength: tagBytes,
  })
    .setAAD(bound)
    .setAuthTag(sealed.subarray(nonceBytes, textStart));
  return Buffer.concat([decipher.update(sealed.subarray(textStart)), decipher.final()]);
}
