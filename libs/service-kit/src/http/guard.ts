import { type CanActivate, type ExecutionContext } from '@nestjs/common';
import { rightsOf, route, type Principal } from '@mortise/contracts';
import type { FastifyRequest } from 'fastify';
import { AppError } from '../app-error.js';
import { handledRoute } from './handles.js';

/** Who is calling, or an error of the credentials section. */
export type Authenticate = (request: FastifyRequest) => Principal | Promise<Principal>;

/** @throws AppError FORBIDDEN when the caller lacks the right */
export function authorise(
  principal: Principal,
  right: Parameters<ReturnType<typeof rightsOf>['has']>[0] | null | 'public',
): void {
  if (right === null || right === 'public') return;
  if (!rightsOf(principal.roles).has(right)) throw new AppError('FORBIDDEN', { right });
}

/** Authenticates every API route and checks the right its row asks for. */
export class PrincipalGuard implements CanActivate {
  constructor(private readonly authenticate: Authenticate) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    if (!request.url.startsWith('/api/') && !request.url.startsWith('/internal/')) return true;
    const name = handledRoute(context.getHandler());
    if (name && route(name).right === 'public') return true;
    request.principal = await this.authenticate(request);
    if (name) authorise(request.principal, route(name).right);
    return true;
  }
}
