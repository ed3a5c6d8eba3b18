import { once } from 'node:events';
import { connect } from 'node:net';
import { Body, Controller, Get, Module } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { TenantBody, type Principal } from '@mortise/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Health } from '../health.js';
import { createLogger } from '../logger.js';
import { buildHttpApp, closeHttpApp } from './app.js';
import { assertRoutesHandled, Caller, Handles } from './handles.js';
import { signPrincipal } from './principal.js';

const internalKey = 'k'.repeat(32);
const admin: Principal = {
  tenantId: 't',
  tenantSlug: 'acme',
  roles: ['platform-admin'],
  subject: 'key:mk_1',
  requestId: 'r',
};

@Controller()
class SampleController {
  @Handles('tenants.create')
  create(@Caller() caller: Principal, @Body() body: TenantBody) {
    return { by: caller.subject, slug: body.slug };
  }

  @Get('/boom')
  boom() {
    throw new Error('password=hunter2');
  }
}

@Module({ controllers: [SampleController] })
class SampleModule {}

describe('an HTTP app', () => {
  const health = new Health();
  let app: NestFastifyApplication;
  const post = (payload: unknown, principal = admin, headers: Record<string, string> = {}) =>
    app.inject({
      method: 'POST',
      url: '/api/v1/tenants',
      payload: payload as object,
      headers: { 'mortise-principal': signPrincipal(internalKey, principal), ...headers },
    });

  beforeAll(async () => {
    app = await buildHttpApp(SampleModule, {
      service: 'gateway',
      logger: createLogger({ service: 'test', level: 'silent' }),
      health,
      internalKey,
    });
    await app.init();
    await app.getHttpAdapter().getInstance().ready();
  });
  afterAll(() => app.close());

  it("answers with the row's status and the verified caller", async () => {
    const answer = await post({ slug: 'acme', name: 'Acme' });

    expect(answer.statusCode).toBe(201);
    expect(answer.json()).toEqual({ by: 'key:mk_1', slug: 'acme' });
    expect(answer.headers['x-request-id']).toBeDefined();
  });

  it('names each wrong place of a body by JSON pointer', async () => {
    const answer = await post({ slug: 'Not A Slug', surprise: 1 });

    expect(answer.statusCode).toBe(400);
    expect(answer.headers['content-type']).toContain('application/problem+json');
    expect(answer.json().code).toBe('INVALID_REQUEST');
    expect(
      answer
        .json()
        .errors.map((error: { pointer: string }) => error.pointer)
        .sort(),
    ).toEqual(['/name', '/name', '/slug', '/surprise']);
  });

  it('refuses callers without token, with a forged one, and without the right', async () => {
    const without = await app.inject({ method: 'POST', url: '/api/v1/tenants', payload: {} });
    const forged = await post({}, admin, { 'mortise-principal': 'x.y' });
    const powerless = await post({}, { ...admin, roles: ['tenant-admin'] });

    expect([without.statusCode, without.json().code]).toEqual([401, 'UNAUTHENTICATED']);
    expect([forged.statusCode, forged.json().code]).toEqual([401, 'INVALID_CREDENTIAL']);
    expect([powerless.statusCode, powerless.json().code]).toEqual([403, 'FORBIDDEN']);
  });

  it('turns broken, deep, huge and foreign bodies into problems', async () => {
    const headers = {
      'content-type': 'application/json',
      'mortise-principal': signPrincipal(internalKey, admin),
    };
    const send = async (payload: string, type = 'application/json') => {
      const answer = await app.inject({
        method: 'POST',
        url: '/api/v1/tenants',
        payload,
        headers: { ...headers, 'content-type': type },
      });
      return [answer.statusCode, answer.json().code];
    };

    expect(await send('{"slug":')).toEqual([400, 'INVALID_JSON']);
    expect(await send('['.repeat(100))).toEqual([400, 'JSON_TOO_DEEP']);
    expect(await send(`"${'x'.repeat(1_100_000)}"`)).toEqual([413, 'BODY_TOO_LARGE']);
    expect(await send('<x/>', 'application/xml')).toEqual([415, 'UNSUPPORTED_MEDIA_TYPE']);
  });

  it('hides what failed inside and answers unknown paths', async () => {
    const boom = await app.inject({ url: '/boom' });
    const nowhere = await app.inject({ url: '/nowhere' });

    expect(boom.statusCode).toBe(500);
    expect(boom.body).not.toContain('hunter2');
    expect(boom.json().traceId).toMatch(/^[0-9a-f]{32}$/);
    expect([nowhere.statusCode, nowhere.json().code]).toEqual([404, 'NOT_FOUND']);
  });

  it('is ready when every check passes', async () => {
    health.check('database', () => {
      throw new Error('connection refused');
    });
    const down = await app.inject({ url: '/readyz' });
    health.check('database', () => {});
    const up = await app.inject({ url: '/readyz' });

    expect([down.statusCode, down.json().checks.database]).toEqual([503, 'connection refused']);
    expect(up.statusCode).toBe(200);
  });

  it('does not boot while rows of the route table have no handler', () => {
    expect(() => assertRoutesHandled(app, 'gateway')).toThrow(
      "nothing handles apikeys.create: add a method with @Handles('apikeys.create')",
    );
    expect(() => assertRoutesHandled(app, 'registry')).toThrow(
      'SampleController.create handles tenants.create, which gateway owns',
    );
  });
});

describe('the connections of an HTTP app', () => {
  it('do not hold up its end when they never sent a request', { timeout: 5_000 }, async () => {
    const logger = createLogger({ service: 'test', level: 'silent' });
    const app = await buildHttpApp(
      { module: SampleModule },
      { service: 'gateway', logger, health: new Health(), internalKey },
    );
    await app.listen(0, '127.0.0.1');
    const reserve = connect(Number(new URL(await app.getUrl()).port), '127.0.0.1');
    const accepted = once(app.getHttpServer(), 'connection');
    await Promise.all([once(reserve, 'connect'), accepted]);
    const cut = once(reserve.resume(), 'close');

    await closeHttpApp(app, 60_000);
    await cut;
  });

  it('carry the next request although the last one was answered before it was read', async () => {
    const app = await buildHttpApp(
      { module: SampleModule },
      {
        service: 'gateway',
        logger: createLogger({ service: 'test', level: 'silent' }),
        health: new Health(),
        internalKey,
      },
    );
    const fastify = app.getHttpAdapter().getInstance();
    fastify.addContentTypeParser('application/octet-stream', async () => undefined);
    fastify.post('/refused', async ({ raw }, reply) => {
      await once(raw, 'data');
      raw.pause();
      reply.status(413);
      return 'too much';
    });
    await app.listen(0, '127.0.0.1');
    const socket = connect(Number(new URL(await app.getUrl()).port), '127.0.0.1');
    let answers = '';
    socket.setEncoding('utf8').on('data', (text: string) => (answers += text));

    const body = Buffer.alloc(4 * 1_048_576);
    const head = `content-type: application/octet-stream\r\ncontent-length: ${body.length}`;
    socket.write(`POST /refused HTTP/1.1\r\nhost: a\r\n${head}\r\n\r\n`);
    socket.write(body);
    socket.write('GET /livez HTTP/1.1\r\nhost: a\r\n\r\n');
    while (!answers.includes('{"ok":true}')) await once(socket, 'data');

    expect(answers.match(/HTTP\/1.1 \d+/g)).toEqual(['HTTP/1.1 413', 'HTTP/1.1 200']);
    socket.destroy();
    await closeHttpApp(app, 1_000);
  });

  it('are cut when a request stalls on its way, however long an answer may take', async () => {
    const app = await buildHttpApp(
      { module: SampleModule },
      {
        service: 'gateway',
        logger: createLogger({ service: 'test', level: 'silent' }),
        health: new Health(),
        internalKey,
        receiveWithinMs: 100,
      },
    );
    const cut = Promise.withResolvers<string>();
    app
      .getHttpAdapter()
      .getInstance()
      .get('/slow', async () => ({ other: await cut.promise }));
    await app.listen(0, '127.0.0.1');
    const { port } = new URL(await app.getUrl());
    const slow = fetch(`http://127.0.0.1:${port}/slow`);
    const stalled = connect(Number(port), '127.0.0.1');
    let answer = '';
    stalled.setEncoding('utf8').on('data', (text: string) => (answer += text));
    stalled.write(
      'POST /api/v1/tenants HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{"a"',
    );
    await once(stalled, 'close');
    cut.resolve('cut');

    expect(answer).toMatch(/^HTTP\/1.1 4\d\d/);
    expect(await (await slow).json()).toEqual({ other: 'cut' });
    await closeHttpApp(app, 1_000);
  });
});
