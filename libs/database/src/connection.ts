import { Socket } from 'node:net';
import pg from 'pg';

/** The same server and login, another database. */
export function databaseOf(url: string, database: string): string {
  const other = new URL(url);
  other.pathname = `/${encodeURIComponent(database)}`;
  return other.href;
}

/** One sentence for whoever set DATABASE_URL, with where it points and why that failed, and never the password. */
export function unreachable(url: string, error: unknown): Error {
  const { hostname, port, pathname } = new URL(url);
  // Several addresses of one name fail as an AggregateError, whose message is empty.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const why = first instanceof Error ? first.message : String(first);
  const { code } = Object(first) as { code?: unknown };
  return Object.assign(
    new Error(
      `PostgreSQL at ${hostname}:${port || 5432}${pathname} cannot be used (${why}): see that it runs, and that DATABASE_URL is right`,
      { cause: error },
    ),
    { code },
  );
}

/**
 * Opens sockets that give up on a server from which nothing has come for so long: one whose machine is gone never
 * closes its connections, and a query on them would wait for TCP's quarter of an hour.
 */
export const watchedSocket = (silentMs: number) => (): Socket => {
  const socket = new Socket();
  return socket.setTimeout(silentMs, () => {
    socket.destroy(new Error(`PostgreSQL has said nothing for ${silentMs / 1_000} s`));
  });
};

/**
 * Without a listener for its end a dropped connection would end the process, and the pool and TypeORM leave it without
 * one between them: a server may say that it is ready and that it goes in one packet. The next query reports it anyway.
 */
export class Connection extends pg.Client {
  constructor(config?: string | pg.ClientConfig) {
    super(config);
    this.on('error', () => {});
  }
}

/**
 * A connection of its own, outside the pool.
 * @param o.silentMs longest silence; for connections that always have something to say
 */
export async function connect(
  url: string,
  applicationName: string,
  o: { silentMs?: number } = {},
): Promise<pg.Client> {
  const client = new Connection({
    connectionString: url,
    application_name: applicationName,
    keepAlive: true,
    connectionTimeoutMillis: 10_000,
    ...(o.silentMs === undefined ? {} : { stream: watchedSocket(o.silentMs) }),
  });
  await client.connect().catch((error: unknown) => {
    throw unreachable(url, error);
  });
  return client;
}

/** The SQLSTATE of an error of PostgreSQL, also when TypeORM wrapped it. */
export function sqlState(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, driverError } = error as Error & { code?: unknown; driverError?: { code?: unknown } };
  const state = code ?? driverError?.code;
  return typeof state === 'string' ? state : undefined;
}

/** Did a unique index refuse the row? Name the constraint when the table has several. */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  if (sqlState(error) !== '23505') return false;
  const { constraint: own, driverError } = error as {
    constraint?: string;
    driverError?: { constraint?: string };
  };
  return constraint === undefined || (own ?? driverError?.constraint) === constraint;
}
