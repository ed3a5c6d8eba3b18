import { hash, randomBytes } from 'node:crypto';

/** `mk_` and 32 random bytes, base64url. */
const wellFormed = /^mk_[A-Za-z0-9_-]{43}$/;
const scheme = /^bearer +(\S+) *$/i;
const prefixLength = 11;

/** A new API key: shown once, kept by nobody. */
export const newKey = (): string => `mk_${randomBytes(32).toString('base64url')}`;

/** Enough to recognise a key, useless to sign in. */
export const prefixOf = (key: string): string => key.slice(0, prefixLength);

/** SHA-256 in hex: what is stored, cached and named on the control topic. */
export const hashOf = (key: string): string => hash('sha256', key, 'hex');

/** The key of an Authorization header; undefined when it is not a bearer token that could be one of ours. */
export function keyOf(authorization: string): string | undefined {
  const token = authorization.startsWith('Bearer mk_')
    ? authorization.slice(7)
    : scheme.exec(authorization)?.[1];
  return token !== undefined && wellFormed.test(token) ? token : undefined;
}
