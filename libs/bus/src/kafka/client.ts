import type { ServiceName } from '@mortise/contracts';
import type { Logger } from '@mortise/service-kit';
import type { Admin, ISocketFactory, Kafka, KafkaConfig, RetryOptions, SASLOptions } from 'kafkajs';
import { readFileSync } from 'node:fs';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { BusEnv } from '../env.js';
import { kafkajs } from './kafkajs.js';

// Outlives a broker's restart: with kafkajs' defaults a kill of the broker cost 44 s and lost calls.
export const patientRetry: RetryOptions = { initialRetryTime: 100, maxRetryTime: 1_000, retries: 1_000 };
const connectionTimeoutMs = 5_000;
const requestTimeoutMs = 15_000;

/** kafkajs throws while it reads an answer that is none, which would end the process: only the connection ends. */
function endByGarble(socket: Socket): Socket {
  const emit = socket.emit.bind(socket);
  socket.emit = (event: string | symbol, ...args: unknown[]) => {
    try {
      return emit(event, ...args);
    } catch (error) {
      if (event !== 'data') throw error;
      socket.destroy(error as Error);
      return true;
    }
  };
  return socket;
}

/** Opens sockets as kafkajs does, but without Nagle's delay. */
export const socketFactory: ISocketFactory = ({ host, port, ssl, onConnect }) => {
  const socket: Socket = ssl
    ? connectTls({ host, port, ...(isIP(host) ? {} : { servername: host }), ...ssl }, onConnect)
    : connectTcp({ host, port }, onConnect);
  socket.setNoDelay(true);
  socket.setKeepAlive(true, 60_000);
  return endByGarble(socket);
};

function sasl(env: BusEnv): SASLOptions | undefined {
  const {
    KAFKA_SASL_MECHANISM: mechanism,
    KAFKA_SASL_USERNAME: username,
    KAFKA_SASL_PASSWORD: password,
  } = env;
  if (mechanism === 'none') return undefined;
  if (!username || !password)
    throw new Error(`KAFKA_SASL_MECHANISM=${mechanism} needs KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD`);
  return { mechanism, username, password };
}

/** TLS settings, or undefined for plain TCP. */
export const tlsOf = (env: BusEnv): { ca?: Buffer } | undefined =>
  !env.KAFKA_TLS ? undefined : env.KAFKA_TLS_CA_FILE ? { ca: readFileSync(env.KAFKA_TLS_CA_FILE) } : {};

export interface ClientOptions {
  env: BusEnv;
  service: ServiceName | 'admin';
  logger?: Logger | undefined;
  sockets?: ISocketFactory | undefined;
  retry?: RetryOptions | undefined;
}

const levels = { 1: 'error', 2: 'warn', 4: 'debug', 5: 'trace' } as const;

/** One kafkajs client: its own connections. */
export function kafkaClient({ env, service, logger, sockets, retry }: ClientOptions): Kafka {
  const login = sasl(env);
  const ssl = tlsOf(env);
  const config: KafkaConfig = {
    clientId: `mortise-${service}`,
    brokers: env.KAFKA_BROKERS,
    connectionTimeout: connectionTimeoutMs,
    requestTimeout: requestTimeoutMs,
    retry: retry ?? patientRetry,
    socketFactory: sockets ?? socketFactory,
    logLevel: kafkajs.logLevel.WARN,
    logCreator: () => (entry) => {
      const level = levels[entry.level as keyof typeof levels] ?? 'debug';
      // What kafkajs calls an error it mostly cures itself by trying again.
      logger?.[level === 'error' ? 'warn' : level](
        { kafka: entry.namespace, reason: entry.log['error'] as unknown },
        entry.log.message,
      );
    },
    ...(ssl ? { ssl } : {}),
    ...(login ? { sasl: login } : {}),
  };
  return new kafkajs.Kafka(config);
}

/**
 * A connection for the first questions of a process. Gives up after some seconds: what is set wrong stays wrong.
 * @throws Error one sentence that names the settings
 */
export async function connectAdmin(options: ClientOptions): Promise<Admin> {
  const admin = kafkaClient({ ...options, retry: { ...patientRetry, retries: 8 } }).admin();
  try {
    await admin.connect();
    // kafkajs connects without asking anything; a broker that wants a login hangs up at the first question.
    await admin.describeCluster();
    return admin;
  } catch (cause) {
    await admin.disconnect().catch(() => {});
    const { KAFKA_BROKERS: brokers, KAFKA_SASL_MECHANISM: mechanism } = options.env;
    const at = `Kafka at ${brokers.join(',')}`;
    if (cause instanceof kafkajs.KafkaJSSASLAuthenticationError)
      throw new Error(
        `${at} refuses the login by ${mechanism}: check KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD`,
        { cause },
      );
    throw new Error(
      `${at} does not answer as a broker should: if it asks for a login, set KAFKA_SASL_MECHANISM (now ${mechanism}); if for TLS, set KAFKA_TLS`,
      { cause },
    );
  }
}
