import { AppError, sendProblem, type Logger } from '@mortise/service-kit';
import type { FastifyInstance } from 'fastify';
import { entrances } from '../proxy/entrances.js';

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;

/** Paths of the table answer methods they do not have with 405 and what they have, rather than 404. */
export function refuseOtherMethods(scope: FastifyInstance, logger: Logger): void {
  const byPath = new Map<string, Set<string>>();
  for (const { method, path } of entrances()) {
    const shape = path.replace(/\{\w+\}/g, '{}');
    byPath.set(shape, (byPath.get(shape) ?? new Set()).add(method));
  }
  for (const [shape, known] of byPath) {
    const allowed = [...known, ...(known.has('GET') ? ['HEAD'] : [])].sort().join(', ');
    let place = 0;
    scope.route({
      method: methods.filter((method) => !known.has(method)),
      url: shape.replace(/\{\}/g, () => `:segment${place++}`),
      exposeHeadRoute: !known.has('GET'),
      onRequest: (request, reply) => {
        const { method } = request;
        void reply.header('allow', allowed);
        sendProblem(new AppError('METHOD_NOT_ALLOWED', { method, allowed }), request, reply, logger);
      },
      handler: () => undefined,
    });
  }
}
