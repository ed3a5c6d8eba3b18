import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { until } from '@mortise/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Proxy } from './proxy.ts';

const portOf = (server: Server) => (server.address() as AddressInfo).port;

describe('the proxy', () => {
  let echo: Server;
  let proxy: Proxy;
  let port: number;
  const clients: Socket[] = [];
  beforeEach(async () => {
    echo = createServer((socket) => {
      socket.on('error', () => {});
      socket.pipe(socket);
    }).listen(0, '127.0.0.1');
    const free = createServer().listen(0, '127.0.0.1');
    await Promise.all([once(echo, 'listening'), once(free, 'listening')]);
    port = portOf(free);
    free.close();
    await once(free, 'close');
    proxy = new Proxy(port, portOf(echo));
    await proxy.listen();
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await proxy.close();
    echo.close();
  });

  const open = async () => {
    const client = connect({ port, host: '127.0.0.1' });
    const heard = { text: '', closed: false, client };
    client.on('data', (piece: Buffer) => (heard.text += piece.toString()));
    client.on('error', () => {});
    client.on('close', () => (heard.closed = true));
    clients.push(client);
    await once(client, 'connect');
    return heard;
  };

  it('passes everything on when nothing is the matter', async () => {
    const heard = await open();

    heard.client.write('x'.repeat(1_000_000));

    await until(() => heard.text.length === 1_000_000, 'all of it comes back');
    expect(heard.closed).toBe(false);
  });

  it('passes half of a piece, nothing after it, and breaks the connection', async () => {
    await proxy.set({ kind: 'halving', every: 3 });
    const heard = await open();

    for (let piece = 0; piece < 50; piece++) heard.client.write('12345678'.repeat(4_000));

    await until(() => heard.closed, 'the connection breaks');
    expect(heard.text.length).toBeLessThan(50 * 32_000);
    expect('12345678'.repeat(200_000).startsWith(heard.text)).toBe(true);
  });

  it('cuts what is open, refuses what is new, and comes back', async () => {
    const before = await open();

    await proxy.set({ kind: 'gone' });
    await until(() => before.closed, 'the open one is closed');
    await expect(open()).rejects.toThrow('ECONNREFUSED');
    await proxy.set({ kind: 'clear' });
    const after = await open();
    after.client.write('again');

    await until(() => after.text === 'again', 'it passes bytes again');
  });

  it('keeps the order of what it delays', async () => {
    await proxy.set({ kind: 'slow', delayMs: 30 });
    const heard = await open();
    const sentAt = performance.now();

    for (const digit of '0123456789') heard.client.write(digit);

    await until(() => heard.text.length === 10, 'all of it comes back');
    expect(heard.text).toBe('0123456789');
    expect(performance.now() - sentAt).toBeGreaterThanOrEqual(55);
  });

  it('lets nothing through while it is silent, nor later what it held', async () => {
    await proxy.set({ kind: 'silent' });
    const heard = await open();
    heard.client.write('lost');

    await proxy.set({ kind: 'clear' });

    await until(() => heard.closed, 'the connection that missed bytes breaks');
    expect(heard.text).toBe('');
  });
});
