import { createServer } from 'node:net';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { clusterDown, clusterUp, readState } from '../cluster/cluster.ts';
import { Proxy } from './proxy.ts';
import { SmallDisk } from './small-disk.ts';

/** The processes of ours. */
export const services = ['gateway-0', 'registry-0', 'scheduler-0', 'executor-0', 'executor-1'] as const;
export const executors = ['executor-0', 'executor-1'] as const;

/** A running cluster and every handle a fault needs. */
export interface Scene {
  folder: string;
  url: string;
  adminKey: string;
  brokers: string;
  databaseUrl: string;
  /** By service: what stands between it and Kafka; `s3`: what stands before the store. */
  proxies: Map<string, Proxy>;
  /** Where the packages lie; undefined where no small file system can be mounted. */
  disk: SmallDisk | undefined;
  pidOf: (name: string) => Promise<number>;
  close: () => Promise<void>;
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}

/** A cluster of its own, each service behind a proxy and with a clock that can jump. */
export async function openScene(folder: string): Promise<Scene> {
  await mkdir(folder, { recursive: true });
  const names = [...services, 's3'];
  const ports = await freePorts(2 * names.length);
  const table = names.map((name, at) => ({
    name,
    port: ports[2 * at] as number,
    behind: ports[2 * at + 1] as number,
  }));
  const proxies = new Map(table.map(({ name, port, behind }) => [name, new Proxy(port, behind)]));
  const disk = SmallDisk.mount(join(folder, 's3', 'data'));
  await Promise.all([...proxies.values()].map((proxy) => proxy.listen()));
  const close = async () => {
    await clusterDown(folder);
    await Promise.all([...proxies.values()].map((proxy) => proxy.close()));
    disk?.unmount();
  };
  try {
    const state = await clusterUp(folder, {
      env: {
        CLUSTER_PROXIES: JSON.stringify(Object.fromEntries(table.map(({ name, ...ports }) => [name, ports]))),
        CLUSTER_PRELOAD: `${pathToFileURL(join(import.meta.dirname, 'clock.mjs')).href}?folder=${encodeURIComponent(folder)}`,
      },
    });
    const { url = '', adminKey = '', kafka: brokers = '', databaseUrl = '' } = state;
    const pidOf = async (name: string) => {
      const pid = (await readState(folder))?.pids[name];
      if (pid === undefined) throw new Error(`no process ${name}`);
      return pid;
    };
    return { folder, url, adminKey, brokers, databaseUrl, proxies, disk, pidOf, close };
  } catch (error) {
    await close();
    throw error;
  }
}
