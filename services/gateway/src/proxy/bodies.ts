import { intake, jsonDepth } from '@mortise/contracts';
import { AppError } from '@mortise/service-kit';
import type { FastifyInstance, FastifyRequest } from 'fastify';

const json = /^application\/([\w.-]+\+)?json\b/i;

/** JSON is read as text, at most 1 MB and 64 deep, and stays text; any other body stays a stream that nobody reads. */
export function readProxiedBodies(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser<string>(
    json,
    { parseAs: 'string', bodyLimit: intake.jsonBytes },
    (_request: FastifyRequest, body: string, done) => {
      if (jsonDepth(body) > intake.jsonDepth)
        done(new AppError('JSON_TOO_DEEP', { limit: intake.jsonDepth }));
      else done(null, body);
    },
  );
  scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
}
