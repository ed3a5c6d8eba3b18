// A cluster of separate processes on a real broker, one for all figures that need it.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
// eslint-disable-next-line @nx/enforce-module-boundaries -- tools are no project: nothing ships from there
import { clusterDown, clusterUp } from '../../tools/cluster/cluster.ts';
import { deploy, type Target } from './api.ts';

export interface Cluster {
  target: Target;
  broker: string;
  /** Installations that answer with their input: one alone may not run as much at a time as a figure asks for. */
  installations: string[];
  /** Microseconds of CPU that its services have used so far. */
  cpuUs(): Promise<number>;
  stop(): Promise<void>;
}

const installations = 4;
const concurrency = 64;
const echo = 'export function run(input) { return input }';
const usPerTick = 10_000;
const services = /^(gateway|registry|scheduler|executor)/;

async function cpuUsOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // Own time and that of children that have ended: sandbox workers count once they are gone.
  const [user = 0, system = 0] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .map(Number);
  return (user + system) * usPerTick;
}

async function start(): Promise<Cluster> {
  const folder = await mkdtemp(join(tmpdir(), 'mortise-bench-cluster-'));
  const stop = async () => {
    await clusterDown(folder);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const { url = '', adminKey: key = '', kafka: broker = '', pids } = await clusterUp(folder);
    const target = { url, key };
    const own = Object.entries(pids).filter(([name]) => services.test(name));
    return {
      target,
      broker,
      installations: await Promise.all(
        Array.from({ length: installations }, () => deploy(target, echo, { concurrency })),
      ),
      cpuUs: async () =>
        (await Promise.all(own.map(([, pid]) => cpuUsOf(pid)))).reduce((sum, one) => sum + one, 0),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

let shared: Promise<Cluster> | undefined;
export const sharedCluster = (): Promise<Cluster> => (shared ??= start());
export const stopSharedCluster = async (): Promise<void> => (await shared?.catch(() => undefined))?.stop();

/** A caller that keeps its connections and costs this process little. */
export function caller(
  { target, installations }: Cluster,
  callers: number,
): (caller: number) => Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: callers });
  const body = JSON.stringify({ function: 'run', input: 'x'.repeat(500) });
  const urls = installations.map((id) => `${target.url}/api/v1/installations/${id}/execute`);
  const headers = {
    authorization: `Bearer ${target.key}`,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  };
  // A caller stays with an installation: else all would come to wait for the slowest, and be too many for it.
  return (index) =>
    new Promise((done, failed) => {
      request(urls[index % urls.length] as string, { method: 'POST', agent, headers }, (answer) => {
        answer.resume().on('end', () => {
          if (answer.statusCode === 200) done();
          else failed(new Error(`execute answered ${answer.statusCode}`));
        });
      })
        .on('error', failed)
        .end(body);
    });
}
