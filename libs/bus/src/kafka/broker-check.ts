import type { ISocketFactory } from 'kafkajs';
import type { BusEnv } from '../env.js';
import { tlsOf } from './client.js';

/** What kafkajs 2.2.4 speaks at most, by request kind. It never looks at the least version a broker accepts. */
const spoken: Record<string, { key: number; max: number }> = {
  Produce: { key: 0, max: 7 },
  Fetch: { key: 1, max: 11 },
  ListOffsets: { key: 2, max: 3 },
  Metadata: { key: 3, max: 6 },
  OffsetCommit: { key: 8, max: 5 },
  OffsetFetch: { key: 9, max: 4 },
  FindCoordinator: { key: 10, max: 2 },
  JoinGroup: { key: 11, max: 5 },
  Heartbeat: { key: 12, max: 3 },
  SyncGroup: { key: 14, max: 3 },
};

export interface VersionRange {
  min: number;
  max: number;
}

/** Why this broker cannot be used, as one sentence, or undefined. */
export function brokerProblem(
  address: string,
  offered: ReadonlyMap<number, VersionRange>,
): string | undefined {
  for (const [name, { key, max }] of Object.entries(spoken)) {
    const range = offered.get(key);
    if (!range)
      return `${address} does not serve ${name} requests: KAFKA_BROKERS must name the brokers' client port, not the controllers'`;
    if (range.min > max)
      return `The broker at ${address} accepts ${name} requests from version ${range.min}, this client speaks up to ${max}: use Kafka 2.1 to 4.x`;
  }
  return undefined;
}

const apiVersionsKey = 18;
const timeoutMs = 5_000;

function requestBytes(): Buffer {
  const client = Buffer.from('mortise');
  const bytes = Buffer.alloc(14 + client.length);
  bytes.writeInt32BE(10 + client.length, 0);
  bytes.writeInt16BE(apiVersionsKey, 4);
  bytes.writeInt16BE(0, 6);
  bytes.writeInt32BE(1, 8);
  bytes.writeInt16BE(client.length, 12);
  client.copy(bytes, 14);
  return bytes;
}

function parse(bytes: Buffer): Map<number, VersionRange> {
  const ranges = new Map<number, VersionRange>();
  const count = bytes.readInt32BE(10);
  for (let index = 0, at = 14; index < count; index++, at += 6)
    ranges.set(bytes.readInt16BE(at), { min: bytes.readInt16BE(at + 2), max: bytes.readInt16BE(at + 4) });
  return ranges;
}

/** Asks a broker which versions it accepts; works before any login. */
export function askVersions(
  address: string,
  env: BusEnv,
  sockets: ISocketFactory,
): Promise<Map<number, VersionRange>> {
  const [host = '127.0.0.1', port = '9092'] = address.split(/:(?=\d+$)/);
  const ssl = tlsOf(env);
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    const socket = sockets({
      host,
      port: Number(port),
      ...(ssl ? { ssl } : {}),
      onConnect: () => socket.write(requestBytes()),
    } as Parameters<ISocketFactory>[0]);
    const fail = (cause?: unknown) => {
      socket.destroy();
      reject(
        new Error(`No Kafka broker answers at ${address}: is it running, and is KAFKA_TLS right?`, { cause }),
      );
    };
    socket.setTimeout(timeoutMs, fail);
    socket.on('error', fail);
    socket.on('close', () => fail());
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 4 || received.length < 4 + received.readInt32BE(0)) return;
      try {
        resolve(parse(received));
      } catch (error) {
        fail(error);
      }
      socket.destroy();
    });
  });
}

/** Refuses brokers this client cannot talk to; one that answers is enough. */
export async function checkBrokers(env: BusEnv, sockets: ISocketFactory): Promise<void> {
  let unreachable = new Error('KAFKA_BROKERS names no broker');
  for (const address of env.KAFKA_BROKERS) {
    let offered: Map<number, VersionRange>;
    try {
      offered = await askVersions(address, env, sockets);
    } catch (error) {
      if (error instanceof Error) unreachable = error;
      continue;
    }
    const problem = brokerProblem(address, offered);
    if (problem) throw new Error(problem);
    return;
  }
  throw unreachable;
}
