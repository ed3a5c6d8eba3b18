import {
  applyDecorators,
  createParamDecorator,
  HttpCode,
  RequestMapping,
  RequestMethod,
  SetMetadata,
  type ExecutionContext,
  type INestApplication,
} from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import {
  route,
  routeNames,
  routePath,
  type Principal,
  type RouteName,
  type ServiceName,
} from '@mortise/contracts';
import type { FastifyRequest } from 'fastify';
import { AppError } from '../app-error.js';

const routeMetadata = 'mortise:route';

/** The method answers this row of the route table: path, method and usual status come from there. */
export const Handles = (name: RouteName): MethodDecorator =>
  applyDecorators(
    SetMetadata(routeMetadata, name),
    RequestMapping({
      path: routePath(name).replace(/\{(\w+)\}/g, ':$1'),
      method: RequestMethod[route(name).method],
    }),
    HttpCode(route(name).status ?? 200),
  );

/** The row a handler answers, if it is one. */
export const handledRoute = (handler: object): RouteName | undefined =>
  Reflect.getMetadata(routeMetadata, handler) as RouteName | undefined;

/** Parameter: who is calling. */
export const Caller = createParamDecorator((_: unknown, context: ExecutionContext): Principal => {
  const { principal } = context.switchToHttp().getRequest<FastifyRequest>();
  if (!principal) throw new AppError('UNAUTHENTICATED');
  return principal;
});

/**
 * Boot fails unless each row this service owns has exactly one handler.
 * @param elsewhere rows answered outside Nest (hot routes)
 */
export function assertRoutesHandled(
  app: INestApplication,
  service: ServiceName,
  elsewhere: readonly RouteName[] = [],
): void {
  const handlers = new Map<RouteName, string[]>(elsewhere.map((name) => [name, ['a raw route']]));
  for (const module of app.get(ModulesContainer).values()) {
    for (const { metatype } of module.controllers.values()) {
      if (!metatype) continue;
      for (const method of Object.getOwnPropertyNames(metatype.prototype)) {
        const handler = (metatype.prototype as Record<string, unknown>)[method];
        const name = typeof handler === 'function' ? handledRoute(handler) : undefined;
        if (name) handlers.set(name, [...(handlers.get(name) ?? []), `${metatype.name}.${method}`]);
      }
    }
  }
  const problems = routeNames.flatMap((name) => {
    const found = handlers.get(name) ?? [];
    if (route(name).owner !== service)
      return found.length > 0
        ? [
            `${found.join(', ')} handles ${name}, which ${route(name).owner} owns (libs/contracts/src/routes/table.ts)`,
          ]
        : [];
    if (found.length === 0)
      return [
        `nothing handles ${name}: add a method with @Handles('${name}') to a controller of services/${service}`,
      ];
    return found.length > 1 ? [`${name} has several handlers: ${found.join(', ')}`] : [];
  });
  if (problems.length > 0) throw new Error(`services/${service} cannot start:\n${problems.join('\n')}`);
}
