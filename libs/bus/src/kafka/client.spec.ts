import { once } from 'node:events';
import { createRequire } from 'node:module';
import { createServer, type AddressInfo } from 'node:net';
import { defineEnv, loadEnv } from '@mortise/service-kit';
import { until } from '@mortise/testing';
import { expect, it } from 'vitest';
import { busEnv } from '../env.js';
import { connectAdmin, socketFactory } from './client.js';
import type { Connection } from './cures.js';

it('an answer that is none ends the connection and not the process', async () => {
  const server = createServer((socket) =>
    socket.on('error', () => {}).on('data', () => socket.write(Buffer.alloc(4))),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  const env = loadEnv(defineEnv(busEnv), { BUS: 'kafka', KAFKA_BROKERS: `127.0.0.1:${port}` });

  await expect(connectAdmin({ env, service: 'admin' })).rejects.toThrow('does not answer as a broker should');
  server.close();
});

const logger = { namespace: () => logger, debug() {}, info() {}, warn() {}, error() {} };

it('the half of an answer in which a connection broke is forgotten by the next', async () => {
  const half = Buffer.from([0, 0, 0, 100, 0, 0]);
  const server = createServer((socket) => socket.end(half));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const Made = createRequire(import.meta.url)('kafkajs/src/network/connection.js') as new (
    options: object,
  ) => Connection;
  const connection = new Made({ host: '127.0.0.1', port, logger, socketFactory, connectionTimeout: 1_000 });

  const read: number[] = [];
  for (let n = 0; n < 3; n++) {
    await connection.connect();
    await until(() => !connection.isConnected(), 'it has broken');
    read.push(connection.bytesBuffered);
  }

  expect(read).toEqual([half.length, half.length, half.length]);
  server.close();
});
