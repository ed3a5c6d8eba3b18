import { Module } from '@nestjs/common';
import { Health, createLogger } from '@mortise/service-kit';
import { until } from '@mortise/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Ground } from '../../test/ground.js';
import { buildServer } from './server.js';

describe('the edge', () => {
  let ground: Ground;
  beforeAll(async () => {
    ground = await Ground.start();
  });
  afterAll(() => ground.close());
  const open = (path: string, init?: RequestInit) => fetch(`${ground.gateway.url}${path}`, init);

  it('lives, and is ready when its state has caught up', async () => {
    expect((await open('/livez')).status).toBe(200);
    const ready = await until(async () => {
      const answer = await open('/readyz');
      return answer.status === 200 && answer;
    }, 'it is ready');
    expect(await ready.json()).toMatchObject({ ok: true, checks: { database: 'ok', bus: 'ok' } });
    expect((await open('/health')).status).toBe(200);
  });

  it.each(['/nothing', '/api/v1/nothing', '/api/v2/plugins', '/internal/installations/x/secrets'])(
    'knows nothing at %s',
    async (path) => {
      expect(await ground.refusal(open(path))).toEqual({ status: 404, code: 'NOT_FOUND' });
    },
  );

  it.each([
    ['DELETE', '/api/v1/plugins', 'GET, HEAD, POST'],
    ['GET', '/api/v1/plugins/upload', 'POST'],
    ['PUT', '/api/v1/tenants', 'GET, HEAD, POST'],
    ['GET', '/api/v1/installations/x/execute', 'POST'],
    ['POST', '/api/plugins/hello', 'DELETE, GET, HEAD'],
  ])('refuses %s %s and says what is allowed: %s', async (method, path, allowed) => {
    const answer = await open(path, { method });

    expect(answer.headers.get('allow')).toBe(allowed);
    expect(await ground.refusal(answer)).toEqual({ status: 405, code: 'METHOD_NOT_ALLOWED' });
  });

  it("answers Fastify's own errors as problems on its own routes", async () => {
    const create = (body: string, type = 'application/json') =>
      ground.refusal(ground.call('POST', '/api/v1/tenants', body, { 'content-type': type }));

    expect(await create('{"slug":')).toEqual({ status: 400, code: 'INVALID_JSON' });
    expect(await create('a=b', 'text/plain')).toEqual({ status: 415, code: 'UNSUPPORTED_MEDIA_TYPE' });
    expect(await create('x'.repeat(1_100_000))).toEqual({ status: 413, code: 'BODY_TOO_LARGE' });
    expect(await create('['.repeat(65) + ']'.repeat(65))).toEqual({ status: 400, code: 'JSON_TOO_DEEP' });
  });

  it('names each request, and keeps the name a caller gave', async () => {
    const own = await ground.call('GET', '/api/v1/tenants');
    const given = await ground.call('GET', '/api/v1/tenants', undefined, { 'x-request-id': 'abc-1' });

    expect(own.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    expect(given.headers.get('x-request-id')).toBe('abc-1');
  });

  it('describes itself to anyone, once a version', async () => {
    const answer = await open('/openapi.json');
    const etag = answer.headers.get('etag') ?? '';

    expect(((await answer.json()) as { openapi: string }).openapi).toBe('3.1.0');
    expect((await open('/openapi.json', { headers: { 'if-none-match': etag } })).status).toBe(304);
  });

  it('shows the description on a page that loads nothing from elsewhere', async () => {
    const page = await open('/');
    const html = await page.text();

    expect(new URL(page.url).pathname).toBe('/docs');
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(html).not.toMatch(/https?:\/\//);
    expect(html).not.toMatch(/<script>|<style>|onclick=|style=/);
    for (const [, path] of html.matchAll(/(?:src|href)="([^"]+)"/g))
      expect((await open(path ?? '')).status).toBe(200);
  });

  it('finishes what is in flight when it is told to stop, and ends live tails', async () => {
    const other = await Ground.start();
    const { installationId } = await other.installation();
    const waiting: (() => void)[] = [];
    other.executor = () =>
      new Promise((resolve) =>
        waiting.push(() => resolve({ status: 'succeeded', result: '1', durationMs: 1 })),
      );
    other.registry.answers((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    });
    const tail = await other.call('GET', '/api/v1/installations/x/logs?follow=sse');
    const call = other.call('POST', `/api/v1/installations/${installationId}/execute`, {});
    await until(() => waiting.length === 1, 'the call is under way');

    const closed = other.gateway.close();
    await tail.text();
    for (const finish of waiting) finish();

    expect((await call).status).toBe(200);
    await closed;
    await other.close();
  });
});

describe('a gateway that lacks a handler', () => {
  it('refuses to start and names the row and the place', async () => {
    @Module({})
    class Empty {}
    const unused = {} as never;

    const started = buildServer(Empty, {
      credentials: unused,
      targets: unused,
      executions: unused,
      forwarder: unused,
      health: new Health(),
      logger: createLogger({ service: 'test', level: 'silent' }),
    });

    await expect(started).rejects.toThrow(
      "nothing handles tenants.create: add a method with @Handles('tenants.create') to a controller of services/gateway",
    );
  });
});
