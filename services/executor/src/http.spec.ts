import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { InstallationStateData } from '@mortise/contracts';
import { newId } from '@mortise/service-kit';
import { NameServer, until } from '@mortise/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ExecutorUnderTest } from '../test/executor-under-test.js';

const secret = 'sentinel-5f1c9a';
const code = `
export const read = async ({ url, init }) => {
  const answer = await fetch(url, init);
  return { status: answer.status, body: await answer.text() };
};
export const same = async (_input, ctx) => (await ctx.http.fetch(_input.url)).json();
export const tells = async ({ url }, ctx) => {
  const answer = await fetch(url, { headers: { authorization: 'Bearer {{secret:TOKEN}}' } });
  const echoed = await answer.text();
  ctx.log.info(echoed, { echoed });
  await ctx.events.emit('sample.told', { echoed });
  throw new Error('got ' + echoed);
};
export const upload = async ({ url, pieces }) => {
  let sent = 0;
  const body = new ReadableStream({
    pull(controller) {
      if (sent++ < pieces) controller.enqueue(new Uint8Array(50_000).fill(sent));
      else controller.close();
    },
  });
  return (await fetch(url, { method: 'POST', body, duplex: 'half' })).text();
};
export const download = async ({ url }) => {
  const bytes = new Uint8Array(await (await fetch(url)).arrayBuffer());
  return { length: bytes.length, last: bytes.at(-1) };
};
export const remember = (value, ctx) => ctx.cache.set('k', value, { ttlMs: 60_000 });
export const recall = (_input, ctx) => ctx.cache.get('k');
`;

describe('requests of plugins', () => {
  let executor: ExecutorUnderTest;
  let names: NameServer;
  let site: Server;
  let base: string;
  let received: IncomingMessage[];
  let closed: number;
  beforeAll(async () => {
    site = createServer((incoming, response) => {
      received.push(incoming);
      response.on('close', () => closed++);
      if (incoming.url === '/hangs') return;
      if (incoming.url === '/away')
        return void response.writeHead(302, { location: 'https://evil.test/' }).end();
      if (incoming.url === '/large') return void response.end(Buffer.alloc(3_000_000, 200));
      if (incoming.url === '/upload') {
        let bytes = 0;
        incoming.on('data', (data: Buffer) => (bytes += data.length));
        return void incoming.on('end', () => response.end(String(bytes)));
      }
      response.end(JSON.stringify({ path: incoming.url, token: incoming.headers.authorization }));
    });
    await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
    base = `http://api.example.com:${(site.address() as AddressInfo).port}`;
    names = await NameServer.start();
    names.names.set('api.example.com', '127.0.0.1').set('inside.example.com', '10.1.2.3');
    executor = await ExecutorUnderTest.start({
      EXECUTOR_EGRESS_ALLOW_PRIVATE: '127.0.0.0/8',
      EXECUTOR_EGRESS_DNS: names.address,
    });
  });
  afterAll(async () => {
    await executor.close();
    names.close();
    site.closeAllConnections();
    site.close();
  });
  beforeEach(() => {
    received = [];
    closed = 0;
  });

  const functions = Object.fromEntries(
    ['read', 'same', 'tells', 'upload', 'download', 'remember', 'recall'].map((name) => [name, {}]),
  );
  const install = (over: Partial<InstallationStateData> = {}) =>
    executor.install(code, {
      functions,
      requested: ['http:request'],
      grants: [{ permission: 'http:request' }],
      network: { allow: [new URL(base).host, 'inside.example.com'], configured: [] },
      secretKeys: ['TOKEN'],
      secretsRevision: 1,
      ...over,
    });
  const result = (reply: Awaited<ReturnType<ExecutorUnderTest['execute']>>): unknown =>
    reply.status === 'succeeded' ? JSON.parse(reply.result) : reply;

  it('reach an allowed host, by fetch and by ctx.http', async () => {
    const state = await install();

    const answer = await executor.execute(state, { function: 'read', input: { url: `${base}/a?b=1` } });
    const same = await executor.execute(state, { function: 'same', input: { url: `${base}/c` } });

    expect(result(answer)).toEqual({ status: 200, body: '{"path":"/a?b=1"}' });
    expect(result(same)).toEqual({ path: '/c' });
  });

  it('carry bodies of any size both ways', async () => {
    const state = await install();

    const up = await executor.execute(state, {
      function: 'upload',
      input: { url: `${base}/upload`, pieces: 40 },
    });
    const down = await executor.execute(state, { function: 'download', input: { url: `${base}/large` } });

    expect(result(up)).toBe('2000000');
    expect(result(down)).toEqual({ length: 3_000_000, last: 200 });
  });

  it('are denied where asked for and not granted', async () => {
    const ungranted = await install({ grants: [] });
    const elsewhere = await install({
      grants: [{ permission: 'http:request', selector: { hosts: ['inside.example.com'] } }],
    });

    for (const state of [ungranted, elsewhere]) {
      const reply = await executor.execute(state, { function: 'read', input: { url: base } });
      expect(reply).toMatchObject({ status: 'denied', error: { code: 'PERMISSION_DENIED' } });
    }
    expect(received).toEqual([]);
  });

  it('end the execution as a violation where never asked for, with evidence', async () => {
    const none = await install({ requested: [] });
    const other = await install();

    const replies = [
      await executor.execute(none, { function: 'read', input: { url: base } }),
      await executor.execute(other, { function: 'read', input: { url: 'https://evil.test/' } }),
      await executor.execute(other, { function: 'read', input: { url: 'http://127.0.0.1/' } }),
    ];

    for (const reply of replies)
      expect(reply).toMatchObject({ status: 'security_violation', error: { code: 'SECURITY_VIOLATION' } });
    await until(
      () => executor.evidence.some((record) => record.value?.includes('http:request evil.test')),
      'security.violation names the host',
    );
    expect(names.asked).not.toContain('evil.test');
  });

  it('do not follow names or redirects to where they may not go', async () => {
    const state = await install();

    const inside = await executor.execute(state, {
      function: 'read',
      input: { url: 'https://inside.example.com/' },
    });
    const away = await executor.execute(state, { function: 'read', input: { url: `${base}/away` } });

    expect(inside).toMatchObject({ status: 'failed', error: { code: 'NETWORK_REFUSED' } });
    expect(JSON.stringify(inside)).not.toContain('10.1.2.3');
    expect(away).toMatchObject({ status: 'denied', error: { code: 'PERMISSION_DENIED' } });
    expect(names.asked).not.toContain('evil.test');
  });

  it('carry secrets that no plugin sees, and nobody else', async () => {
    const state = await install();
    executor.secrets.set(state.installationId, { TOKEN: secret });
    const executionId = newId();

    const reply = await executor.execute(state, { function: 'tells', input: { url: base } }, { executionId });

    expect(received[0]?.headers.authorization).toBe(`Bearer ${secret}`);
    expect(reply).toMatchObject({
      status: 'failed',
      error: { message: 'got {"path":"/","token":"Bearer ***"}' },
    });
    const event = await executor.event(executionId, 'failed');
    await until(() => executor.logs.find((line) => line.fields?.['echoed'] !== undefined), 'the log line');
    const told = [reply, event, executor.logs, executor.pluginEvents.map(({ value }) => value?.toString())];
    expect(JSON.stringify(told)).not.toContain(secret);
    expect(executor.pluginEvents.length).toBeGreaterThan(0);
  });

  it('end with their execution', async () => {
    const state = await install({ functions: { read: { limits: { timeoutMs: 400 } } } });

    const reply = await executor.execute(state, { function: 'read', input: { url: `${base}/hangs` } });

    expect(reply).toMatchObject({ status: 'timed_out' });
    await until(() => closed === 1, 'the server sees the end');
  });

  it('are counted and limited', async () => {
    const state = await install();
    const limited = await install({ limits: { networkRequests: 0 } });
    const executionId = newId();

    await executor.execute(state, { function: 'read', input: { url: base } }, { executionId });
    const reply = await executor.execute(limited, { function: 'read', input: { url: base } });

    expect((await executor.event(executionId, 'succeeded')).usage).toMatchObject({
      networkRequests: 1,
      networkBytesIn: 12,
      networkBytesOut: 0,
    });

    expect(reply).toMatchObject({ status: 'failed', error: { code: 'LIMIT_EXCEEDED' } });
  });

  it('are not needed for what the cache remembers over isolates', async () => {
    const state = await install();
    await executor.execute(state, { function: 'remember', input: { n: 1 } });

    const next = { ...state, revision: 2, configRevision: 1 };
    await executor.announce(next);

    expect(result(await executor.execute(next, { function: 'recall' }))).toEqual({ n: 1 });
    expect(result(await executor.execute(await install(), { function: 'recall' }))).toBeNull();
  });
});
