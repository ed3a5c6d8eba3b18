import { route, routePath } from '@mortise/contracts';
import { sendProblem, type Logger } from '@mortise/service-kit';
import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify';
import { requireRight } from '../credentials/require.js';
import type { Credentials } from '../credentials/credentials.js';
import { readProxiedBodies } from './bodies.js';
import { canonicalPath, canonicalQuery, routerPath } from './canonical-path.js';
import { entrances, type Entrance } from './entrances.js';
import type { Forwarder } from './forwarder.js';
import type { Owner } from './owners.js';

// RFC 9745; the older ways were deprecated from the first release on.
const deprecatedAt = `@${Date.UTC(2026, 10, 1) / 1_000}`;

const isMultipart = (request: FastifyRequest) =>
  /^multipart\/form-data\b/i.test(request.headers['content-type'] ?? '');

/** The raw routes of everything that other services own. */
export function proxyRoutes(
  scope: FastifyInstance,
  o: { credentials: Credentials; forwarder: Forwarder; logger: Logger },
): void {
  readProxiedBodies(scope);
  scope.setErrorHandler((error, request, reply) => sendProblem(error, request, reply, o.logger));
  for (const entrance of entrances()) {
    const { row, method, path } = entrance;
    if (row.owner === 'gateway') continue;
    scope.route({
      method,
      url: routerPath(path),
      onRequest:
        entrance.name === 'plugins.install'
          ? installHook(o.credentials)
          : requireRight(o.credentials, row.right),
      handler: handlerOf(entrance, row.owner, o.forwarder),
    });
  }
}

function handlerOf(entrance: Entrance, owner: Owner, forwarder: Forwarder) {
  const { name, row, path, isAlias } = entrance;
  const rewrite = isAlias ? canonicalPath(path, routePath(name)) : undefined;
  const deprecation = (to: string) => ({
    deprecation: deprecatedAt,
    link: `<${to}>; rel="successor-version"`,
  });
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const url = request.raw.url ?? '';
    const queryAt = url.indexOf('?');
    const query = queryAt < 0 ? '' : canonicalQuery(url.slice(queryAt), entrance.query);
    const sent = queryAt < 0 ? url : url.slice(0, queryAt);
    if (name === 'plugins.install' && isMultipart(request)) {
      const to = routePath('plugins.upload');
      return forwarder.forward(request, reply, owner, row.method, to + query, deprecation(to));
    }
    const to = rewrite ? rewrite(sent) : sent;
    return forwarder.forward(request, reply, owner, row.method, to + query, isAlias ? deprecation(to) : {});
  };
}

/** POST /plugins with a package is an upload (the older way), with JSON an install: each asks for its own right. */
function installHook(credentials: Credentials): onRequestHookHandler {
  const install = requireRight(credentials, route('plugins.install').right);
  const upload = requireRight(credentials, route('plugins.upload').right);
  return function (request, reply, done) {
    return (isMultipart(request) ? upload : install).call(this, request, reply, done);
  };
}
