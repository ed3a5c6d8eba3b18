import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Principal } from '@mortise/contracts';
import { AppError } from '../app-error.js';

/** Header that carries the signed caller from the gateway to the owner of a route. */
export const principalHeader = 'mortise-principal';
/** Also what the clocks of two services may differ by before they refuse one another. */
const lifetimeMs = 300_000;

const sign = (key: string, body: string): Buffer => createHmac('sha256', key).update(body).digest();

/** A token that says who is calling, good for five minutes inside the platform. */
export function signPrincipal(key: string, principal: Principal, nowMs = Date.now()): string {
  const body = Buffer.from(JSON.stringify({ ...principal, expiresAt: nowMs + lifetimeMs })).toString(
    'base64url',
  );
  return `${body}.${sign(key, body).toString('base64url')}`;
}

/**
 * @throws AppError INVALID_CREDENTIAL when it is not ours or changed; UNAVAILABLE when it is ours and expired: the
 * gateway has just made it, so it is the clocks that differ, and nothing is wrong with the caller
 */
export function verifyPrincipal(key: string, token: string, nowMs = Date.now()): Principal {
  const [body = '', signature = ''] = token.split('.', 2);
  const want = sign(key, body);
  const have = Buffer.from(signature, 'base64url');
  if (have.length !== want.length || !timingSafeEqual(have, want)) throw new AppError('INVALID_CREDENTIAL');
  const { expiresAt, ...principal } = JSON.parse(Buffer.from(body, 'base64url').toString()) as Principal & {
    expiresAt: number;
  };
  if (expiresAt < nowMs) {
    const cause = new Error(
      `The caller was signed ${nowMs - expiresAt + lifetimeMs} ms ago by the clock here`,
    );
    throw new AppError('UNAVAILABLE', { what: 'A service whose clock is right' }, { cause });
  }
  return principal;
}
