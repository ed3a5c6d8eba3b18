import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ChildProcess } from 'node:child_process';
import { loadEnv } from 'vite';
import type { TestProject } from 'vitest/node';
import { forkModule } from './child.js';
import type {} from './database.js';

// Only its place is known here, not its code: libs/database has tests that use this library.
const keeperModule = new URL('../../database/test/keeper.ts', import.meta.url);

/** Once for a run of tests. PostgreSQL starts when the first test asks for a database. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  let keeper: Promise<Keeper> | undefined;
  const door = createServer((_request, response) => {
    keeper ??= startKeeper();
    keeper.then(
      // 307 repeats method and body.
      ({ url }) => response.writeHead(307, { location: `${url}${_request.url}` }).end(),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  project.provide('databases', await listen(door));
  const { REQUIRE_CLUSTER } = loadEnv('test', project.config.root, 'REQUIRE_CLUSTER');
  project.provide('requireCluster', REQUIRE_CLUSTER === '1' || REQUIRE_CLUSTER === 'true');
  return async () => {
    door.close();
    door.closeAllConnections();
    await (await keeper?.catch(() => undefined))?.close();
  };
}

interface Keeper {
  url: string;
  close(): Promise<void>;
}

async function startKeeper(): Promise<Keeper> {
  const child: ChildProcess = forkModule(keeperModule);
  const exited = once(child, 'exit');
  const [url] = (await Promise.race([
    once(child, 'message'),
    exited.then(() => {
      throw new Error('The keeper of the test databases has ended: its error stands above');
    }),
  ])) as [string];
  return {
    url,
    close: async () => {
      child.disconnect();
      await exited;
    },
  };
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.unref();
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
