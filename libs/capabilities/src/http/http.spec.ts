import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync, deflateSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { request, Scene } from '../../test/scene.js';
import type { Bench } from '../bench.contract.js';
import type { Chunk, HttpResponse } from './wire.js';

const api = 'https://api.example.com';
const until = async (holds: () => boolean) => {
  while (!holds()) await delay(5);
};

describe('http', () => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await Scene.start();
  });
  afterAll(() => scene.close());
  beforeEach(() => {
    scene.dns.clear();
    scene.connections.length = 0;
    scene.handler = (_request, response) => response.end('ok');
  });

  const execution = (over?: Parameters<Scene['execution']>[1]) =>
    scene.execution(['api.example.com', 'cdn.example.com'], over);
  const refusal = (code: string, details: object = {}) => ({
    guest: {
      code,
      ...(Object.keys(details).length > 0 && { details: expect.objectContaining(details) as object }),
    },
  });
  const rest = async (run: Bench, id: number, first: Chunk | null): Promise<Buffer> => {
    const parts: Buffer[] = [];
    for (let chunk = first; chunk; chunk = (await run.call('http.read', { id })) as Chunk) {
      parts.push(chunk.base64 ? Buffer.from(chunk.base64, 'base64') : Buffer.from(chunk.text ?? ''));
      if (chunk.done) break;
    }
    return Buffer.concat(parts);
  };

  describe('a request', () => {
    it('gives status, headers and a small body in one call', async () => {
      scene.handler = (incoming, response) => {
        response.writeHead(201, 'Made', { 'content-type': 'application/json', 'set-cookie': ['a=1', 'b=2'] });
        response.end(JSON.stringify({ method: incoming.method, path: incoming.url }));
      };
      const run = execution();

      const answer = await request(run, `${api}/orders?limit=1#part`, { method: 'PUT' });

      expect(answer).toMatchObject({
        status: 201,
        statusText: 'Made',
        url: `${api}/orders?limit=1`,
        redirected: false,
        body: { text: '{"method":"PUT","path":"/orders?limit=1"}', done: true },
      });
      expect(answer.headers).toEqual(
        expect.arrayContaining([
          ['set-cookie', 'a=1'],
          ['set-cookie', 'b=2'],
        ]),
      );
      expect(run.scope.meter).toMatchObject({ networkRequests: 1, networkBytesIn: 41 });
    });

    it('sends text and bytes as they are', async () => {
      scene.handler = (incoming, response) => void incoming.pipe(response);
      const bytes = Buffer.from([0, 255, 128, 10]);

      const text = await request(execution(), api, { method: 'POST', body: { text: 'Zoë \u0000' } });
      const raw = await request(execution(), api, {
        method: 'POST',
        body: { base64: bytes.toString('base64') },
      });

      expect(text.body).toEqual({ text: 'Zoë \u0000', done: true });
      expect(raw.body).toEqual({ base64: bytes.toString('base64'), done: true });
    });

    it('uses a connection again, but never that of another installation', async () => {
      const egress = scene.egress();
      const allow = ['api.example.com'];
      const [one, other] = [
        scene.execution(allow, {}, egress),
        scene.execution(allow, { installationId: 'other' }, egress),
      ];

      for (let count = 0; count < 6; count++) await request(one, api);
      const ofOne = scene.connections.length;
      await request(other, api);

      // A second one where the first is not yet known to be free again.
      expect(ofOne).toBeLessThanOrEqual(2);
      expect(scene.connections).toHaveLength(ofOne + 1);
    });

    it('reaches private networks only where the operator opened them', async () => {
      const host = `internal.example.com:${scene.plainPort}`;
      scene.dns.set('internal.example.com', [['127.0.0.1']]);
      const open = scene.execution([host], {}, scene.egress(['127.0.0.0/8'], { isPinned: true }));
      const closed = scene.execution([host], {}, scene.egress([], { isPinned: true }));

      expect(await request(open, `http://${host}/`)).toMatchObject({ status: 200, body: { text: 'ok' } });
      await expect(request(closed, `http://${host}/`)).rejects.toMatchObject(refusal('NETWORK_REFUSED'));
    });

    it('names what failed, and nothing of how', async () => {
      const egress = scene.egress(['127.0.0.0/8'], { isPinned: true });
      scene.dns.set('gone.example.com', [[]]);
      scene.dns.set('closed.example.com', [['127.0.0.1']]);
      scene.handler = (incoming) => incoming.socket.destroy();
      const run = scene.execution(
        ['gone.example.com', 'closed.example.com:1', 'api.example.com'],
        {},
        egress,
      );

      await expect(request(run, 'https://gone.example.com/')).rejects.toMatchObject(
        refusal('NETWORK_FAILED', { host: 'gone.example.com', reason: 'name' }),
      );
      await expect(request(run, 'http://closed.example.com:1/')).rejects.toMatchObject(
        refusal('NETWORK_FAILED', { reason: 'connect' }),
      );
      await expect(request(execution(), api)).rejects.toMatchObject(
        refusal('NETWORK_FAILED', { reason: 'reset' }),
      );
    });

    it('trusts no certificate of its own making', async () => {
      scene.dns.set('tls.example.com', [['127.0.0.1']]);
      const egress = scene.egress(['127.0.0.0/8'], { isPinned: true });
      const run = scene.execution([`tls.example.com:${scene.tlsPort}`], {}, egress);

      await expect(request(run, `https://tls.example.com:${scene.tlsPort}/`)).rejects.toMatchObject(
        refusal('NETWORK_FAILED', { reason: 'tls' }),
      );
    });
  });

  describe('permission', () => {
    it('ends the execution for a host that the manifest never asked for', async () => {
      const run = execution();

      await expect(request(run, 'https://evil.test/')).rejects.toMatchObject({
        outcome: 'security_violation',
        guest: { code: 'SECURITY_VIOLATION', details: { host: 'evil.test' } },
      });
      expect(run.denied).toEqual(['security_violation http:request evil.test']);
      expect(scene.connections).toEqual([]);
    });

    it('is denied where it was asked for and not granted, or not for this host', async () => {
      const ungranted = execution({ grants: [] });
      const elsewhere = execution({ grant: { hosts: ['cdn.example.com'] } });
      const unknown = execution({ grant: { host: 'api.example.com' } });

      for (const run of [ungranted, elsewhere, unknown])
        await expect(request(run, api)).rejects.toMatchObject(refusal('PERMISSION_DENIED'));
      expect(await request(elsewhere, 'https://cdn.example.com/')).toMatchObject({ status: 200 });
    });

    it('covers no more hosts than the manifest asks it for', async () => {
      const run = execution({ selectors: { 'http:request': [{ hosts: ['cdn.example.com'] }] } });
      scene.handler = (_incoming, response) =>
        response.writeHead(302, { location: 'https://api.example.com/' }).end();

      await expect(request(run, 'https://cdn.example.com/')).rejects.toMatchObject(
        refusal('PERMISSION_DENIED'),
      );
      await expect(request(run, api)).rejects.toMatchObject({ outcome: 'security_violation' });
    });

    it('says which port is missing instead of ending the execution', async () => {
      await expect(request(execution(), 'http://api.example.com/')).rejects.toMatchObject({
        guest: {
          message: 'api.example.com is allowed, but not this port: add api.example.com:80 to network.allow',
        },
      });
    });

    it('covers the hosts of URLs in configuration and secrets that the manifest names', async () => {
      const run = execution({
        network: { allow: [], configured: ['BASE_URL', 'HOOK'] },
        config: { BASE_URL: 'https://own.example.com/v1' },
        secretKeys: ['HOOK'],
      });
      run.secrets.set('HOOK', 'https://hooks.example.com/T/B');

      expect(await request(run, 'https://own.example.com/v2')).toMatchObject({ status: 200 });
      expect(await request(run, 'https://hooks.example.com/T/B')).toMatchObject({ status: 200 });
      await expect(request(run, api)).rejects.toMatchObject(refusal('SECURITY_VIOLATION'));
    });

    it('is that of the grant alone where a manifest names no hosts', async () => {
      const { network: _none, ...scope } = execution({ grant: { hosts: ['api.example.com'] } }).scope
        .installation;
      const run = execution();
      Object.assign(run.scope, { installation: scope });

      expect(await request(run, api)).toMatchObject({ status: 200 });
      await expect(request(run, 'https://cdn.example.com/')).rejects.toMatchObject(
        refusal('SECURITY_VIOLATION'),
      );
    });
  });

  describe('redirects', () => {
    it('are followed as fetch does, credentials left behind at another origin', async () => {
      const seen: unknown[] = [];
      scene.handler = (incoming, response) => {
        seen.push([
          incoming.headers.host,
          incoming.method,
          incoming.headers.authorization,
          incoming.headers['x-a'],
        ]);
        if (incoming.url === '/start') response.writeHead(302, { location: '/next' }).end();
        else if (incoming.url === '/next')
          response.writeHead(302, { location: 'https://cdn.example.com/' }).end();
        else response.end('there');
      };
      const headers = [
        ['Authorization', 'Bearer t'],
        ['X-A', '1'],
      ];

      const answer = await request(execution(), `${api}/start`, {
        method: 'POST',
        headers,
        body: { text: 'x' },
      });

      expect(answer).toMatchObject({
        redirected: true,
        url: 'https://cdn.example.com/',
        body: { text: 'there' },
      });
      expect(seen).toEqual([
        ['api.example.com', 'POST', 'Bearer t', '1'],
        ['api.example.com', 'GET', 'Bearer t', '1'],
        ['cdn.example.com', 'GET', undefined, '1'],
      ]);
    });

    it('keep method and body where the status says so', async () => {
      scene.handler = (incoming, response) => {
        if (incoming.url === '/') response.writeHead(307, { location: '/next' }).end();
        else incoming.pipe(response);
      };

      const answer = await request(execution(), api, { method: 'PUT', body: { text: 'again' } });

      expect(answer.body).toMatchObject({ text: 'again' });
    });

    it.each([
      ['a host off the list', 'https://evil.test/', 'PERMISSION_DENIED'],
      ['a name that leads inside', 'https://cdn.example.com/', 'NETWORK_REFUSED'],
      ['an address', 'https://127.0.0.1/', 'PERMISSION_DENIED'],
      ['another port', 'https://api.example.com:22/', 'PERMISSION_DENIED'],
      ['plain http', 'http://api.example.com/', 'NETWORK_FAILED'],
      ['another scheme', 'file:///etc/passwd', 'NETWORK_FAILED'],
      ['a URL with credentials', 'https://a:b@api.example.com/', 'NETWORK_FAILED'],
      ['itself for ever', '/', 'NETWORK_FAILED'],
    ])('are not followed to %s', async (_what, location, code) => {
      scene.dns.set('cdn.example.com', [['10.0.0.1']]);
      scene.handler = (_incoming, response) => response.writeHead(302, { location }).end();
      const run = execution();

      await expect(request(run, api)).rejects.toMatchObject({ guest: { code } });

      expect(run.denied.filter((denied) => denied.startsWith('security_violation'))).toEqual([]);
      expect(new Set(scene.connections)).toEqual(new Set(['93.184.215.14:443']));
    });

    it('are the answer, or an error, when asked for', async () => {
      scene.handler = (_incoming, response) => response.writeHead(301, { location: '/x' }).end('moved');

      const manual = await request(execution(), api, { redirect: 'manual' });

      expect(manual).toMatchObject({ status: 301, redirected: false, body: { text: 'moved' } });
      await expect(request(execution(), api, { redirect: 'error' })).rejects.toMatchObject(
        refusal('NETWORK_FAILED', { reason: 'redirects' }),
      );
    });
  });

  describe('bodies', () => {
    it('come piece by piece as they are asked for, characters whole', async () => {
      const text = 'aé€😀'.repeat(60_000);
      scene.handler = (_incoming, response) => {
        response.write(Buffer.from(text).subarray(0, 300_001));
        response.end(Buffer.from(text).subarray(300_001));
      };
      const run = execution();

      const answer = await request(run, api, { id: 7 });
      const pieces: Chunk[] = [answer.body ?? { done: true }];
      while (!pieces.at(-1)?.done) pieces.push((await run.call('http.read', { id: 7 })) as Chunk);

      expect(pieces.every((piece) => piece.base64 === undefined)).toBe(true);
      expect(pieces.map((piece) => piece.text ?? '').join('')).toBe(text);
      await expect(run.call('http.read', { id: 7 })).rejects.toMatchObject(refusal('INVALID_REQUEST'));
    });

    it('are read by one at a time', async () => {
      scene.handler = (_incoming, response) => void response.write('x'.repeat(100_000));
      const run = execution();
      await request(run, api, { id: 6 });
      const waiting = run.call('http.read', { id: 6 }).then(() => run.call('http.read', { id: 6 }));
      await delay(50);

      await expect(run.call('http.read', { id: 6 })).rejects.toMatchObject(refusal('INVALID_REQUEST'));
      await run.call('http.abort', { id: 6 });
      await expect(waiting).rejects.toMatchObject(refusal('EXECUTION_CANCELLED'));
    });

    it.each([
      ['gzip', gzipSync],
      ['deflate', deflateSync],
      ['gzip, gzip', (data: Buffer) => gzipSync(gzipSync(data))],
    ])('in %s are decoded', async (encoding, encode) => {
      const data = Buffer.from('abc'.repeat(50_000));
      scene.handler = (_incoming, response) => {
        response.setHeader('content-encoding', encoding);
        response.end(encode(data));
      };
      const run = execution();

      const answer = await request(run, api, { id: 8 });

      expect((await rest(run, 8, answer.body)).equals(data)).toBe(true);
      expect(answer.headers.map(([name]) => name)).not.toContain('content-encoding');
    });

    it('in other encodings come as they are', async () => {
      scene.handler = (_incoming, response) => {
        response.setHeader('content-encoding', 'br');
        response.end('raw');
      };

      const answer = await request(execution(), api);

      expect(answer).toMatchObject({ body: { text: 'raw' } });
      expect(answer.headers).toContainEqual(['content-encoding', 'br']);
    });

    it('that are bombs are cut at the cap, and the connection still serves', async () => {
      const bomb = gzipSync(gzipSync(Buffer.alloc(200_000_000)));
      scene.handler = (incoming, response) => {
        if (incoming.url !== '/bomb') return void response.end('ok');
        response.setHeader('content-encoding', 'gzip, gzip');
        response.end(bomb);
      };
      const run = execution();
      const before = process.memoryUsage().rss;

      const answer = await request(run, `${api}/bomb`, { id: 9 });
      const read = rest(run, 9, answer.body);

      await expect(read).rejects.toMatchObject(refusal('LIMIT_EXCEEDED', { limit: 'responseBodyBytes' }));
      expect(process.memoryUsage().rss - before).toBeLessThan(100_000_000);
      expect(await request(run, api)).toMatchObject({ body: { text: 'ok' } });
    });

    it('without end are cut at the cap, even when nothing comes of them', async () => {
      const empty = gzipSync(Buffer.alloc(0));
      const members = Buffer.concat(Array.from({ length: 5_000 }, () => empty));
      scene.handler = (incoming, response) => {
        if (incoming.url === '/gzip') response.setHeader('content-encoding', 'gzip');
        const more = () => {
          while (!response.destroyed && response.write(members));
        };
        response.on('drain', more);
        more();
      };
      const run = execution();

      for (const [id, path] of [
        [1, '/raw'],
        [2, '/gzip'],
      ] as const) {
        const answer = await request(run, api + path, { id });
        await expect(rest(run, id, answer.body)).rejects.toMatchObject(refusal('LIMIT_EXCEEDED'));
      }
    });

    it('that lie about their encoding or length are failures', async () => {
      scene.handler = (incoming, response) => {
        if (incoming.url === '/gzip') response.writeHead(200, { 'content-encoding': 'gzip' }).end('no gzip');
        else {
          response.writeHead(200, { 'content-length': '10' });
          response.write('short', () => response.destroy());
        }
      };
      const run = execution();

      const zipped = request(run, `${api}/gzip`, { id: 1 }).then(({ body }) => rest(run, 1, body));

      await expect(zipped).rejects.toMatchObject(refusal('NETWORK_FAILED', { reason: 'encoding' }));
      await expect(request(run, `${api}/short`)).rejects.toMatchObject(
        refusal('NETWORK_FAILED', { reason: 'reset' }),
      );
    });

    it('are sent piece by piece, no faster than the server takes them', async () => {
      let received = 0;
      let resume = () => {};
      scene.handler = (incoming, response) => {
        resume = () => {
          incoming.on('data', (data: Buffer) => (received += data.length));
          incoming.on('end', () => response.end(String(received)));
        };
      };
      const run = execution();
      const piece = { id: 3, base64: Buffer.alloc(150_000).toString('base64') };
      expect(await request(run, api, { id: 3, method: 'POST', body: { stream: true } })).toEqual({
        more: true,
      });

      let sent = 0;
      const sending = (async () => {
        for (; sent < 30; sent++) await run.call('http.write', piece);
        return run.call('http.write', { id: 3, text: 'end', last: true });
      })();
      await delay(300);
      const sentBefore = sent;
      resume();

      expect(await sending).toMatchObject({ status: 200, body: { text: String(30 * 150_000 + 3) } });
      // As much as sockets hold, and not all.
      expect(sentBefore).toBeLessThan(30);
      expect(run.scope.meter.networkBytesOut).toBe(30 * 150_000 + 3);
    });

    it('that nobody waits for are answered early', async () => {
      scene.handler = (_incoming, response) => response.writeHead(413).end('too much');
      const run = execution();
      await request(run, api, { id: 4, method: 'POST', body: { stream: true } });

      let answer: unknown = { more: true };
      for (let sent = 0; (answer as { more?: true }).more && sent < 100; sent++)
        answer = await run.call('http.write', { id: 4, text: 'x'.repeat(30_000) });

      expect(answer).toMatchObject({ status: 413 });
    });

    it('are refused over their cap, whole or in pieces', async () => {
      scene.handler = (incoming, response) => void incoming.resume().on('end', () => response.end());
      const run = execution();
      const whole = request(run, api, { method: 'POST', body: { text: 'x'.repeat(5_242_881) } });
      await request(run, api, { id: 5, method: 'POST', body: { stream: true } });
      const pieces = async () => {
        for (let sent = 0; sent < 60; sent++)
          await run.call('http.write', { id: 5, text: 'x'.repeat(100_000) });
      };

      await expect(whole).rejects.toMatchObject(refusal('LIMIT_EXCEEDED', { limit: 'requestBodyBytes' }));
      await expect(pieces()).rejects.toMatchObject(refusal('LIMIT_EXCEEDED', { limit: 'requestBodyBytes' }));
    });
  });

  describe('an end', () => {
    it('comes with the time limit, whatever the server does', async () => {
      scene.handler = (incoming, response) => {
        if (incoming.url === '/drip') {
          response.write('x');
          const timer = setInterval(() => response.write('x'), 20);
          response.on('close', () => clearInterval(timer));
        }
      };
      const run = execution();

      const silent = request(run, `${api}/silent`, { timeoutMs: 100 });
      const dripping = request(run, `${api}/drip`, { id: 1, timeoutMs: 200 }).then(({ body }) =>
        rest(run, 1, body),
      );

      await expect(silent).rejects.toMatchObject(refusal('NETWORK_FAILED', { reason: 'timeout' }));
      await expect(dripping).rejects.toMatchObject(refusal('NETWORK_FAILED', { reason: 'timeout' }));
    });

    it('comes with the time limit while the name is looked up, and lets nothing begin after it', async () => {
      let found = () => {};
      const egress = scene.egress([], { namesWait: new Promise<void>((resolve) => (found = resolve)) });
      const run = scene.execution(['api.example.com'], {}, egress);

      await expect(request(run, api, { timeoutMs: 50 })).rejects.toMatchObject(
        refusal('NETWORK_FAILED', { reason: 'timeout' }),
      );
      found();
      await delay(20);

      expect(scene.connections).toEqual([]);
      run.end();
      await expect(request(run, api)).rejects.toMatchObject(refusal('EXECUTION_CANCELLED'));
    });

    it('of the execution cuts what it began', async () => {
      let closed = 0;
      scene.handler = (_incoming, response) => {
        response.on('close', () => closed++);
        response.write('x'.repeat(100_000));
      };
      const run = execution();
      await request(run, api, { id: 1 });
      const waiting = run.call('http.read', { id: 1 }).then(() => run.call('http.read', { id: 1 }));

      run.end();

      await expect(waiting).rejects.toMatchObject(refusal('EXECUTION_CANCELLED'));
      await until(() => closed === 1);
    });

    it('comes when the plugin aborts', async () => {
      let [begun, closed] = [0, 0];
      scene.handler = (_incoming, response) => {
        begun++;
        response.on('close', () => closed++);
      };
      const run = execution();
      const asked = request(run, api, { id: 1 });
      await until(() => begun === 1);

      await run.call('http.abort', { id: 1 });
      await run.call('http.abort', { id: 99 });

      await expect(asked).rejects.toMatchObject(refusal('EXECUTION_CANCELLED'));
      await until(() => closed === 1);
    });
  });

  describe('limits', () => {
    it('count each request, redirects included', async () => {
      scene.handler = (incoming, response) =>
        incoming.url === '/' ? response.writeHead(302, { location: '/x' }).end() : response.end('ok');
      const run = execution({ limits: { networkRequests: 3 } });
      await request(run, api);

      await expect(request(run, api)).rejects.toMatchObject(
        refusal('LIMIT_EXCEEDED', { limit: 'networkRequests' }),
      );

      expect(run.limits).toEqual(['networkRequests 3 4']);
    });

    it('hold an installation to its rate over all its executions', async () => {
      const egress = scene.egress([], { requestsPerMinute: 2 });
      const allow = ['api.example.com'];
      const [one, two] = [scene.execution(allow, {}, egress), scene.execution(allow, {}, egress)];
      const other = scene.execution(allow, { installationId: 'other' }, egress);
      await request(one, api);
      await request(two, api);

      await expect(request(one, api)).rejects.toMatchObject(
        refusal('LIMIT_EXCEEDED', { limit: 'networkRequestsPerMinute', value: 2 }),
      );
      expect(await request(other, api)).toMatchObject({ status: 200 });
    });

    it('keep an execution from holding more than 16 answers open', async () => {
      scene.handler = (_incoming, response) => void response.write('x'.repeat(200_000));
      const run = execution();
      for (let id = 1; id <= 16; id++) await request(run, api, { id });

      await expect(request(run, api, { id: 17 })).rejects.toMatchObject(
        refusal('LIMIT_EXCEEDED', { limit: 'openRequests' }),
      );
      await run.call('http.abort', { id: 1 });
      expect(await request(run, api, { id: 17 })).toMatchObject<Partial<HttpResponse>>({ status: 200 });
    });
  });
});
