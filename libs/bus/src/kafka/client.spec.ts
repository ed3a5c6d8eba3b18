import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { defineEnv, loadEnv } from '@mortise/service-kit';
import { expect, it } from 'vitest';
import { busEnv } from '../env.js';
import { connectAdmin } from './client.js';

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
