import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Principal } from '@mortise/contracts';
import { AppError } from '../app-error.js';

/** Header that carries the signed caller from the gateway to the owner of a route. */
export const principalHeader = 'mortise-principal';
const lifetimeMs = 30_000;

const sign = (key: string, body: string): Buffer => createHmac('sha256', key).update(body).digest();

/** A token that says who is calling, good for 30 s inside the platform. */
export function signPrincipal(key: string, principal: Principal, nowMs = Date.now()): string {
  const body = Buffer.from(JSON.stringify({ ...principal, expiresAt: nowMs + lifetimeMs })).toString(
    'base64url',
  );
  return `${body}.${sign(key, body).toString('base64url')}`;
}

/** @throws AppError INVALID_CREDENTIAL when it is not ours, changed or expired */
export function verifyPrincipal(key: string, token: string, nowMs = Date.now()): Principal {
  const [body = '', signature = ''] = token.split('.', 2);
  const want = sign(key, body);
  const have = Buffer.from(signature, 'base64url');
  if (have.length !== want.length || !timingSafeEqual(have, want)) throw new AppError('INVALID_CREDENTIAL');
  const { expiresAt, ...principal } = JSON.parse(Buffer.from(body, 'base64url').toString()) as Principal & {
    expiresAt: number;
  };
  if (expiresAt < nowMs) throw new AppError('INVALID_CREDENTIAL');
  return principal;
}
