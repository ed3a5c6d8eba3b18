import type { Principal, RouteDefinition } from '@mortise/contracts';
import { AppError, type Authenticate } from '@mortise/service-kit';
import type { FastifyRequest, onRequestHookHandler } from 'fastify';
import { principalOf, type Credential } from './credential.js';
import type { Credentials } from './credentials.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Whose key it is; set by requireRight before the handler of a raw route runs. */
    credential: Credential | null;
  }
}

/** Who calls Nest's routes; the guard of the service kit checks their right. */
export const authenticateBy =
  (credentials: Credentials): Authenticate =>
  async (request: FastifyRequest): Promise<Principal> => {
    const { authorization } = request.headers;
    const credential = credentials.peek(authorization) ?? (await credentials.find(authorization));
    const refusal = refusalOf(credential, null, request);
    if (refusal) throw refusal;
    return principalOf(credential, request.id);
  };

/** Hook of a raw route: the caller must hold the row's right. Answers from memory without a promise when it can. */
export const requireRight =
  (credentials: Credentials, right: RouteDefinition['right']): onRequestHookHandler =>
  (request, _reply, done) => {
    if (right === 'public') return done();
    const { authorization } = request.headers;
    const admit = (credential: Credential) => {
      request.credential = credential;
      done(refusalOf(credential, right, request));
    };
    let known: Credential | undefined;
    try {
      known = credentials.peek(authorization);
    } catch (error) {
      return done(error as Error);
    }
    if (known) admit(known);
    else credentials.find(authorization).then(admit, done);
  };

function refusalOf(
  credential: Credential,
  right: RouteDefinition['right'],
  request: FastifyRequest,
): AppError | undefined {
  const tenant = request.headers['x-tenant-slug'];
  // An unknown tenant and one that the key does not hold must look the same.
  if (tenant !== undefined && tenant !== credential.tenantSlug) return new AppError('TENANT_NOT_HELD');
  if (right === null || right === 'public' || credential.rights.has(right)) return undefined;
  return new AppError('FORBIDDEN', { right });
}

/** The credential that requireRight put there. */
export function credentialOf(request: FastifyRequest): Credential {
  if (!request.credential) throw new AppError('UNAUTHENTICATED');
  return request.credential;
}
