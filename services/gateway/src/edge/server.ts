import type { DynamicModule, Type } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { RouteName } from '@mortise/contracts';
import { assertRoutesHandled, buildHttpApp, type Health, type Logger } from '@mortise/service-kit';
import type { Credentials } from '../credentials/credentials.js';
import { authenticateBy } from '../credentials/require.js';
import { docsRoutes } from '../docs/docs.routes.js';
import { executeRoutes, type ExecuteRoutesOptions } from '../execute/execute.routes.js';
import { proxyRoutes } from '../proxy/proxy.routes.js';
import { refuseOtherMethods } from './method-not-allowed.js';

/** Rows that raw routes answer. */
const hotRoutes: readonly RouteName[] = ['installations.execute', 'plugins.execute'];

/**
 * The whole HTTP edge, ready to listen.
 * @throws Error naming each row of the table that the gateway owns and nothing handles
 */
export async function buildServer(
  module: Type | DynamicModule,
  o: ExecuteRoutesOptions & { credentials: Credentials; health: Health; logger: Logger },
): Promise<NestFastifyApplication> {
  const app = await buildHttpApp(module, {
    service: 'gateway',
    logger: o.logger,
    health: o.health,
    authenticate: authenticateBy(o.credentials),
  });
  const fastify = app.getHttpAdapter().getInstance();
  fastify.decorateRequest('credential', null);
  await fastify.register(async (scope) => executeRoutes(scope, o));
  await fastify.register(async (scope) => proxyRoutes(scope, o));
  await fastify.register(docsRoutes);
  await fastify.register(async (scope) => refuseOtherMethods(scope, o.logger));
  assertRoutesHandled(app, 'gateway', hotRoutes);
  await app.init();
  return app;
}
