import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { verifyPrincipal } from '@mortise/service-kit';
import { until } from '@mortise/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Ground, internalKey } from '../../test/ground.js';

const MB = 1_048_576;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
/** Bytes of buffers that somebody still holds: garbage that is not collected yet proves nothing. */
const held = (): number => {
  collect();
  return process.memoryUsage().arrayBuffers;
};

describe('the proxy', () => {
  let ground: Ground;
  beforeAll(async () => {
    ground = await Ground.start();
  });
  afterAll(() => ground.close());
  afterEach(() => ground.registry.answers());

  it('hands a request to the owner of its route and the answer back', async () => {
    const answer = await ground.call('GET', '/api/v1/plugins?search=a%20b&limit=3');

    expect(answer.status).toBe(200);
    expect(answer.headers.get('etag')).toBe('"7"');
    expect(answer.headers.get('deprecation')).toBeNull();
    expect(ground.registry.last).toMatchObject({
      method: 'GET',
      url: '/api/v1/plugins?search=a%20b&limit=3',
    });
    await ground.call(
      'POST',
      '/api/v1/events',
      { specversion: '1.0' },
      {
        'content-type': 'application/cloudevents+json',
      },
    );
    expect(ground.scheduler.last).toMatchObject({ method: 'POST', url: '/api/v1/events' });
  });

  it("vouches for the caller with a signed token and keeps the caller's credentials to itself", async () => {
    await ground.call('GET', '/api/v1/plugins', undefined, {
      cookie: 'session=1',
      'mortise-principal': 'forged',
      'x-request-id': 'request-1',
      traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`,
    });

    const { headers } = ground.registry.last;
    expect(headers).not.toHaveProperty('authorization');
    expect(headers).not.toHaveProperty('cookie');
    expect(verifyPrincipal(internalKey, String(headers['mortise-principal']))).toEqual({
      tenantId: ground.tenantId,
      tenantSlug: 'demo',
      roles: ['platform-admin', 'tenant-admin'],
      subject: `key:${ground.adminKey.slice(0, 11)}`,
      requestId: 'request-1',
    });
    expect(headers['x-request-id']).toBe('request-1');
    expect(headers.traceparent).toBe(`00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`);
  });

  it.each([
    ['POST', '/api/plugins/acme%2Fhello/reload', 'POST', '/api/v1/plugins/acme%2Fhello/reload'],
    ['PUT', '/api/plugins/hello/enable', 'POST', '/api/v1/plugins/hello/activate'],
    ['PUT', '/api/plugins/hello/disable?x=1', 'POST', '/api/v1/plugins/hello/deactivate?x=1'],
    ['GET', '/api/plugins', 'GET', '/api/v1/plugins'],
    ['GET', '/api/plugins/', 'GET', '/api/v1/plugins'],
    ['DELETE', '/api/plugins/hello', 'DELETE', '/api/v1/plugins/hello'],
  ])('takes %s %s for %s %s and says that it is deprecated', async (method, path, toMethod, toPath) => {
    const answer = await ground.call(method, path);

    expect(answer.status).toBe(200);
    expect(answer.headers.get('deprecation')).toMatch(/^@\d+$/);
    expect(answer.headers.get('link')).toContain('rel="successor-version"');
    expect(ground.registry.last).toMatchObject({ method: toMethod, url: toPath });
  });

  it('does not tidy a path up before the owner sees it', async () => {
    const request = ground.raw({ method: 'GET', path: '/api/v1/plugins/..%2f..%2finternal' });
    request.end();
    await once(request, 'response');

    expect(ground.registry.last.url).toBe('/api/v1/plugins/..%2f..%2finternal');
  });

  it('takes POST /plugins with a package for an upload', async () => {
    await ground.call('POST', '/api/v1/plugins', Buffer.from('--b--'), {
      'content-type': 'multipart/form-data; boundary=b',
    });
    expect(ground.registry.last.url).toBe('/api/v1/plugins/upload');

    await ground.call('POST', '/api/v1/plugins', { plugin_id: 'x' });
    expect(ground.registry.last.url).toBe('/api/v1/plugins');
  });

  it('streams an upload of 50 MB unchanged, without holding it in memory', async () => {
    const chunk = randomBytes(MB);
    const before = held();
    let mostBytes = 0;
    let received = 0;
    const hash = createHash('sha256');
    ground.registry.answers(async (request, response) => {
      for await (const part of request) {
        hash.update(part as Buffer);
        received += (part as Buffer).length;
        if (received % (5 * MB) < (part as Buffer).length) mostBytes = Math.max(mostBytes, held() - before);
      }
      response.writeHead(201, { 'content-type': 'application/json' }).end('{}');
    });

    const request = ground.raw({
      method: 'POST',
      path: '/api/v1/plugins/upload',
      headers: { 'content-type': 'multipart/form-data; boundary=x' },
    });
    Readable.from(Array.from({ length: 50 }, () => chunk)).pipe(request);
    const [response] = (await once(request, 'response')) as [{ statusCode: number }];

    const expected = createHash('sha256');
    for (let count = 0; count < 50; count++) expected.update(chunk);
    expect(response.statusCode).toBe(201);
    expect(hash.digest('hex')).toBe(expected.digest('hex'));
    expect(mostBytes).toBeLessThan(20 * MB);
  });

  it('reads no faster than the owner takes', async () => {
    let resume: () => void = () => undefined;
    ground.registry.answers((request, response) => {
      resume = () => {
        request.resume();
        request.on('end', () => response.end());
      };
    });
    const request = ground.raw({
      method: 'POST',
      path: '/api/v1/plugins/upload',
      headers: { 'content-type': 'multipart/form-data; boundary=x' },
    });
    const chunk = Buffer.alloc(MB);
    // More than the buffers of two connections hold, which the kernel lets grow to tens of megabytes each.
    const chunks = 160;
    let sent = 0;
    const pump = () => {
      while (sent < chunks && request.write(chunk)) sent++;
      if (sent < chunks) request.once('drain', () => (sent++, pump()));
      else request.end();
    };
    pump();

    // What fits into the sockets' buffers goes out; then nothing moves while the owner does not read.
    await until(async () => {
      const then = sent;
      await delay(100);
      return sent > 0 && sent === then;
    }, 'the upload stands still');
    expect(sent).toBeLessThan(chunks);

    resume();
    const [response] = (await once(request, 'response')) as [{ statusCode: number }];
    expect(response.statusCode).toBe(200);
  });

  it("lets the caller see the owner's refusal of an upload that still goes on", async () => {
    ground.registry.answers((_request, response) => {
      response.writeHead(413, { 'content-type': 'application/problem+json' });
      response.end(JSON.stringify({ code: 'PACKAGE_TOO_LARGE', status: 413 }));
    });
    const request = ground.raw({
      method: 'POST',
      path: '/api/v1/plugins/upload',
      headers: { 'content-type': 'multipart/form-data; boundary=x' },
    });
    Readable.from(Array.from({ length: 30 }, () => Buffer.alloc(MB))).pipe(request);

    const [response] = (await once(request, 'response')) as [{ statusCode: number }];

    expect(response.statusCode).toBe(413);
    request.destroy();
  });

  it('passes live tails on line by line and ends them at the owner when the caller goes', async () => {
    let ended = false;
    let send: (text: string) => void = () => undefined;
    ground.registry.answers((request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.flushHeaders();
      send = (text) => void response.write(text);
      request.once('close', () => (ended = true));
    });
    const left = new AbortController();
    const answer = await fetch(`${ground.gateway.url}/api/v1/installations/x/logs?follow=sse`, {
      headers: { authorization: `Bearer ${ground.adminKey}` },
      signal: left.signal,
    });
    const reader = answer.body?.getReader();

    send('data: one\n\n');
    const { value } = (await reader?.read()) ?? {};
    expect(new TextDecoder().decode(value)).toBe('data: one\n\n');
    left.abort();

    await until(() => ended, "the owner's side ends");
  });

  it('gives up at the owner when the caller leaves before the answer', async () => {
    let ended = false;
    let asked = false;
    ground.registry.answers((request) => {
      asked = true;
      request.once('close', () => (ended = true));
    });
    const left = new AbortController();
    const call = fetch(`${ground.gateway.url}/api/v1/plugins`, {
      headers: { authorization: `Bearer ${ground.adminKey}` },
      signal: left.signal,
    }).catch(() => undefined);

    await until(() => asked, 'the owner is asked');
    left.abort();

    await until(() => ended, 'the owner is left alone');
    await call;
  });

  it('refuses JSON that is too large or too deep before the owner sees it', async () => {
    const seen = ground.registry.seen.length;
    const deep = `{"config":${'['.repeat(64)}${']'.repeat(64)}}`;
    const large = JSON.stringify({ config: 'x'.repeat(MB) });
    const post = (body: string, type = 'application/json') =>
      ground.refusal(ground.call('POST', '/api/v1/installations', body, { 'content-type': type }));

    expect(await post(deep)).toEqual({ status: 400, code: 'JSON_TOO_DEEP' });
    expect(await post(large)).toEqual({ status: 413, code: 'BODY_TOO_LARGE' });
    expect(await post(deep, 'application/merge-patch+json; charset=utf-8')).toMatchObject({ status: 400 });
    expect(ground.registry.seen).toHaveLength(seen);
  });

  it('asks for the right of the row before it reads a body', async () => {
    const { key } = await ground.key('demo', ['platform-admin']);
    const request = ground.raw({
      method: 'POST',
      path: '/api/v1/plugins/upload',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'multipart/form-data; boundary=x' },
    });
    request.write('--x');

    const [response] = (await once(request, 'response')) as [{ statusCode: number }];

    expect(response.statusCode).toBe(403);
    request.destroy();
  });

  it("passes the owner's problems on as they are", async () => {
    ground.registry.answers((_request, response) => {
      response.writeHead(409, { 'content-type': 'application/problem+json' });
      response.end(JSON.stringify({ code: 'GRANTS_MISSING', status: 409 }));
    });

    expect(await ground.refusal(ground.call('POST', '/api/v1/installations', { plugin: 'x' }))).toEqual({
      status: 409,
      code: 'GRANTS_MISSING',
    });
  });

  it('holds a lifecycle answer until its own state has the revision', async () => {
    const state = await ground.installation({ status: 'installed', revision: 1 });
    ground.registry.answers(async (_request, response) => {
      response.writeHead(200, {
        'content-type': 'application/json',
        'mortise-installation': `${state.installationId};revision=2`,
      });
      response.end('{}');
      // The state travels by another way and may come later than the answer.
      setImmediate(() => void ground.installation({ ...state, status: 'active', revision: 2 }));
    });

    const activated = await ground.call('POST', `/api/v1/installations/${state.installationId}/activate`);
    const executed = await ground.call('POST', `/api/v1/installations/${state.installationId}/execute`, {});

    expect([activated.status, executed.status]).toEqual([200, 200]);
    expect(activated.headers.get('mortise-installation')).toBeNull();
  });

  it('holds the answer of an uninstall until the installation is gone here too', async () => {
    const state = await ground.installation();
    ground.registry.answers((_request, response) => {
      response.writeHead(204, { 'mortise-installation': `${state.installationId};revision=2` }).end();
      setImmediate(() => void ground.removed(state.installationId));
    });
    const started = performance.now();

    const deleted = await ground.call('DELETE', `/api/v1/installations/${state.installationId}`);
    const executed = ground.call('POST', `/api/v1/installations/${state.installationId}/execute`, {});

    expect(deleted.status).toBe(204);
    expect(performance.now() - started).toBeLessThan(1_500);
    expect(await ground.refusal(executed)).toMatchObject({ status: 404 });
  });

  it('answers after 2 s though its state never came', async () => {
    ground.registry.answers((_request, response) => {
      response.setHeader('mortise-installation', '01900000-0000-7000-8000-000000000000;revision=9');
      response.end('{}');
    });
    const started = performance.now();

    const answer = await ground.call('POST', '/api/v1/installations/x/activate');

    expect(answer.status).toBe(200);
    expect(performance.now() - started).toBeGreaterThan(1_900);
  });
});

describe('the proxy of an owner that is down', () => {
  it('answers that it is not available, with a word when to retry', async () => {
    const ground = await Ground.start();
    await ground.registry.close();

    const answer = await ground.call('GET', '/api/v1/plugins');

    expect(answer.headers.get('retry-after')).toBe('1');
    expect(await ground.refusal(answer)).toEqual({ status: 503, code: 'UNAVAILABLE' });
    await ground.close();
  });
});
