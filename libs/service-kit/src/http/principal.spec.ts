import type { Principal } from '@mortise/contracts';
import { describe, expect, it } from 'vitest';
import { signPrincipal, verifyPrincipal } from './principal.js';

const key = 'k'.repeat(32);
const principal: Principal = {
  tenantId: 't',
  tenantSlug: 'acme',
  roles: ['tenant-admin'],
  subject: 'key:mk_1',
  requestId: 'r',
};

describe('principal token', () => {
  it('gives back the caller it was signed for', () => {
    expect(verifyPrincipal(key, signPrincipal(key, principal))).toEqual(principal);
  });

  it('is refused with another key, when changed and when malformed', () => {
    const token = signPrincipal(key, principal, 1_000);
    const forged = `${Buffer.from(JSON.stringify({ ...principal, roles: ['platform-admin'], expiresAt: 9e15 })).toString('base64url')}.${token.split('.')[1]}`;

    expect(() => verifyPrincipal('x'.repeat(32), token, 1_000)).toThrow('unknown, expired or revoked');
    expect(() => verifyPrincipal(key, forged, 1_000)).toThrow('unknown, expired or revoked');
    expect(() => verifyPrincipal(key, 'nonsense', 1_000)).toThrow('unknown, expired or revoked');
  });

  it('holds between services whose clocks differ, and blames no caller when they differ too much', () => {
    const token = signPrincipal(key, principal, 1_000);

    expect(verifyPrincipal(key, token, 61_000)).toEqual(principal);
    expect(() => verifyPrincipal(key, token, 400_000)).toThrow('retry');
  });
});
