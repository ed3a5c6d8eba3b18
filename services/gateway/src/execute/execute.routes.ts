import { intake, route, routePath, type Problem } from '@mortise/contracts';
import { AppError, sendProblem, toAppError, traceIdOf, type Logger } from '@mortise/service-kit';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Credentials } from '../credentials/credentials.js';
import { credentialOf, requireRight } from '../credentials/require.js';
import { routerPath } from '../proxy/canonical-path.js';
import type { Forwarder } from '../proxy/forwarder.js';
import { functionOf } from './call.js';
import { NotRun, type Executions } from './executions.js';
import { olderAnswer } from './older-answer.js';
import { errorOf } from './outcome.js';
import type { Target } from './target.js';
import type { Targets } from './targets.js';

export interface ExecuteRoutesOptions {
  credentials: Credentials;
  targets: Targets;
  executions: Executions;
  forwarder: Forwarder;
  logger: Logger;
}

const jsonType = 'application/json; charset=utf-8';

/** The hot path: outside Nest, bodies and results stay texts, everything it decides by is in memory. */
export function executeRoutes(scope: FastifyInstance, o: ExecuteRoutesOptions): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser<string>(
    'application/json',
    { parseAs: 'string', bodyLimit: intake.jsonBytes },
    (_request: FastifyRequest, body: string, done) => done(null, body),
  );
  scope.setErrorHandler((error, request, reply) => sendProblem(error, request, reply, o.logger));
  const right = requireRight(o.credentials, route('installations.execute').right);

  scope.post<{ Params: { id: string } }>(
    routerPath(routePath('installations.execute')),
    { onRequest: right },
    (request, reply) => {
      const target = o.targets.find(credentialOf(request).tenantId, request.params.id);
      void answer(o, request, reply, target, true);
    },
  );
  scope.post<{ Params: { plugin: string } }>(
    routerPath(routePath('plugins.execute')),
    { onRequest: right },
    (request, reply) => {
      const target = o.targets.findByPlugin(credentialOf(request).tenantId, request.params.plugin);
      void answer(o, request, reply, target, false);
    },
  );
}

/** @param canonical false: the older answer shape, forgiving about the body */
async function answer(
  o: ExecuteRoutesOptions,
  request: FastifyRequest,
  reply: FastifyReply,
  target: Target,
  canonical: boolean,
): Promise<void> {
  try {
    const body = textOf(request, canonical);
    const asked = functionOf(body, canonical);
    if (wantsAsync(request.headers.prefer)) {
      const path = routePath('executions.queue').replace('{id}', target.state.installationId);
      request.body = body;
      return await o.forwarder.forward(request, reply, 'registry', 'POST', path, {
        'preference-applied': 'respond-async',
      });
    }
    const ran = await o.executions.run(target, asked, body, request.traceparent);
    const { executionId, timeoutMs, reply: ended } = ran;
    if (ended.status === 'succeeded' && canonical) {
      void reply
        .header('content-type', jsonType)
        .send(
          `{"status":"succeeded","result":${ended.result || 'null'},"executionId":"${executionId}","durationMs":${ended.durationMs}}`,
        );
      return;
    }
    if (ended.status === 'succeeded' || (!canonical && ended.status !== 'refused')) {
      const code = ended.status === 'succeeded' ? 200 : errorOf(ended, timeoutMs).status;
      void reply
        .status(code)
        .header('content-type', jsonType)
        .send(JSON.stringify(olderAnswer(executionId, ended)));
      return;
    }
    sendExecutionProblem(errorOf(ended, timeoutMs), executionId, request, reply);
  } catch (error) {
    if (!(error instanceof NotRun)) return sendProblem(error, request, reply, o.logger);
    o.logger.warn({ executionId: error.executionId, code: error.cause.code }, 'execution without an answer');
    sendExecutionProblem(error.cause, error.executionId, request, reply);
  }
}

function textOf(request: FastifyRequest, canonical: boolean): string {
  const body = request.body as string | undefined;
  return body === undefined || body === '' ? (canonical ? '' : '{}') : body;
}

/** RFC 7240: a list of preferences, each with parameters. */
const wantsAsync = (prefer: string | string[] | undefined): boolean =>
  prefer !== undefined && /(^|,)\s*respond-async\s*(?=$|[,;])/i.test(String(prefer));

/** A problem that names the execution: its record and logs say more. */
function sendExecutionProblem(
  error: unknown,
  executionId: string,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const known: AppError = toAppError(error, request);
  const problem: Problem & { executionId: string } = {
    ...known.toProblem(request.url.split('?', 1)[0], traceIdOf(request)),
    executionId,
  };
  if (known.status === 429 || known.status === 503) void reply.header('retry-after', '1');
  void reply.status(known.status).type('application/problem+json').send(JSON.stringify(problem));
}
