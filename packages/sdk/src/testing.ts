import type { Context, Json, Limits, Log, PluginError, Trigger } from './context.js';
import { testHttp, type SentRequest, type TestServer } from './testing-http.js';

export { type SentRequest, type TestServer } from './testing-http.js';

/** A line that was logged. */
export interface LoggedLine {
  level: 'debug' | 'info' | 'warn' | 'error';
  message: string;
  fields?: Record<string, unknown>;
}

/** An event that was emitted. */
export interface EmittedEvent {
  id: string;
  type: string;
  data: Json;
  subject?: string;
}

/** What a test context starts with; everything may be left out. */
export interface TestContextOptions<Config> {
  config?: Config;
  /** Declared secrets and their values; null is declared but not set. Others are refused as on the platform. */
  secrets?: Record<string, string | null>;
  /** What the installation's storage holds. */
  storage?: Record<string, unknown>;
  /** Functions of other plugins, by plugin and name: what `ctx.plugins.call` reaches. */
  plugins?: Record<string, Record<string, (input: Json) => unknown>>;
  /** Servers by host (`api.example.com`): what `ctx.http.fetch` reaches. All other hosts are refused. */
  servers?: Record<string, TestServer>;
  trigger?: Trigger;
  attempt?: number;
  /** Becomes `ctx.request.context`. */
  requestContext?: Record<string, Json>;
  limits?: Partial<Limits>;
  plugin?: { slug: string; version: string };
  /** Milliseconds since 1970, for time to live and deadline; default the real time. */
  now?: () => number;
}

/** A context with its storage, log and events in memory, and what a test wants to look at. */
export interface TestContext<Config> extends Context<Config> {
  /** Lines so far, oldest first. */
  readonly logged: LoggedLine[];
  /** Events so far, oldest first. */
  readonly emitted: EmittedEvent[];
  /** Requests so far, oldest first. */
  readonly sent: SentRequest[];
  /** What storage holds now, without what has expired. */
  stored(): Record<string, Json>;
}

const valueBytes = 65_536;
const hourMs = 3_600_000;
const defaultLimits: Limits = {
  memoryMb: 128,
  timeoutMs: 5_000,
  cpuMs: 5_000,
  cpuPercent: 50,
  storageMb: 10,
  networkRequests: 10,
  hostCalls: 1_000,
  hostCallsInFlight: 16,
  outputBytes: 1_048_576,
  logLines: 200,
  logBytes: 65_536,
  events: 50,
  concurrency: 16,
};

const failure = (code: string, message: string, details?: Record<string, Json>): PluginError =>
  Object.assign(new Error(message), { code, ...(details && { details }) });
const overLimit = (limit: string, value: number, used: number) =>
  failure('LIMIT_EXCEEDED', `The execution went over its limit ${limit} of ${value}`, { limit, value, used });
const jsonText = (value: unknown): string => JSON.stringify(value) ?? 'null';

/** Texts by key, gone after their time to live. */
class Entries {
  readonly #entries = new Map<string, { json: string; expiresAt: number }>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  set(key: string, json: string, ttlMs = Number.POSITIVE_INFINITY): void {
    this.#entries.set(key, { json, expiresAt: this.#now() + ttlMs });
  }

  live(): Map<string, { json: string }> {
    for (const [key, entry] of this.#entries) if (entry.expiresAt <= this.#now()) this.#entries.delete(key);
    return this.#entries;
  }
}

/**
 * A context like the one handlers get on the platform, for unit tests of handlers: `await greet({ name: 'Ada' }, ctx)`.
 * It keeps the rules a plugin can meet (declared secrets, key and value sizes, counts of calls and events) but neither
 * isolates the code nor stops it.
 */
export function createTestContext<Config = Record<string, Json>>(
  options: TestContextOptions<Config> = {},
): TestContext<Config> {
  const now = options.now ?? (() => Date.now());
  const limits: Limits = { ...defaultLimits, ...options.limits };
  const storage = new Entries(now);
  for (const [key, value] of Object.entries(options.storage ?? {})) storage.set(key, jsonText(value));
  const cache = new Entries(now);
  const logged: LoggedLine[] = [];
  const emitted: EmittedEvent[] = [];
  let calls = 0;

  const call = async <T>(work: () => T): Promise<T> => {
    await Promise.resolve();
    if (++calls > limits.hostCalls) throw overLimit('hostCalls', limits.hostCalls, calls);
    return work();
  };
  const checkKey = (key: string) => {
    if (typeof key !== 'string' || key.length < 1 || key.length > 512) {
      throw failure('INVALID_REQUEST', 'key has to be a text of 1 to 512 characters');
    }
  };
  const keyed = (entries: Entries, limit: string, defaultTtlMs?: number) => ({
    get: <T>(key: string) =>
      call(() => {
        checkKey(key);
        const json = entries.live().get(key)?.json;
        return json === undefined ? null : (JSON.parse(json) as T);
      }),
    set: (key: string, value: unknown, setOptions?: { ttlMs?: number }) =>
      call(() => {
        checkKey(key);
        const json = jsonText(value);
        const bytes = new TextEncoder().encode(json).length;
        if (bytes > valueBytes) throw overLimit(limit, valueBytes, bytes);
        entries.set(key, json, setOptions?.ttlMs ?? defaultTtlMs);
      }),
    delete: (key: string) =>
      call(() => {
        checkKey(key);
        return entries.live().delete(key);
      }),
  });
  const write =
    (level: LoggedLine['level']) =>
    (message: unknown, fields?: Record<string, unknown>): void => {
      const line = typeof message === 'string' ? message : jsonText(message);
      if (logged.length < limits.logLines) logged.push({ level, message: line, ...(fields && { fields }) });
    };
  const log: Log = Object.assign(write('info'), {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
  });

  let requests = 0;
  const { http, sent } = testHttp({
    servers: options.servers ?? {},
    secrets: options.secrets ?? {},
    call: (work) => {
      const { networkRequests } = limits;
      if (++requests > networkRequests) throw overLimit('networkRequests', networkRequests, requests);
      return call(work);
    },
    failure,
  });

  return {
    tenantId: '00000000-0000-7000-8000-000000000001',
    installationId: '00000000-0000-7000-8000-000000000002',
    executionId: '00000000-0000-7000-8000-000000000003',
    attempt: options.attempt ?? 1,
    trigger: options.trigger ?? { kind: 'call', name: 'test' },
    idempotencyKey: '00000000-0000-7000-8000-000000000003',
    deadline: now() + limits.timeoutMs,
    config: options.config ?? ({} as Config),
    ...(options.requestContext && { request: { context: options.requestContext } }),
    plugin: options.plugin ?? { slug: 'test', version: '0.0.0' },
    log,
    logged,
    emitted,
    http,
    sent,
    limits: () => limits,
    stored: () =>
      Object.fromEntries([...storage.live()].map(([key, entry]) => [key, JSON.parse(entry.json) as Json])),
    cache: keyed(cache, 'cacheValueBytes', hourMs),
    storage: {
      ...keyed(storage, 'storageValueBytes'),
      list: (prefix = '', listOptions = {}) =>
        call(() => {
          const { cursor, limit = 100 } = listOptions;
          const keys = [...storage.live().keys()]
            .sort()
            .filter((key) => key.startsWith(prefix) && (!cursor || key > cursor));
          const page = keys.slice(0, limit);
          return { keys: page, cursor: keys.length > limit ? (page.at(-1) ?? null) : null };
        }),
    },
    events: {
      emit: (type, data, emitOptions) =>
        call(() => {
          if (!/^[a-z0-9_-]+(\.[a-z0-9_-]+)+$/i.test(type)) {
            throw failure('EVENT_INVALID', 'An event type is two or more words joined by dots');
          }
          if (emitted.length >= limits.events) throw overLimit('events', limits.events, emitted.length + 1);
          const id = `event-${emitted.length + 1}`;
          const subject = emitOptions?.subject;
          emitted.push({ id, type, data: JSON.parse(jsonText(data)) as Json, ...(subject && { subject }) });
          return { id };
        }),
    },
    secrets: {
      get: (key) =>
        call(() => {
          const declared = options.secrets ?? {};
          if (!Object.hasOwn(declared, key)) {
            throw failure(
              'SECURITY_VIOLATION',
              `The plugin read the secret ${key}, which its manifest does not declare`,
            );
          }
          return declared[key] ?? null;
        }),
    },
    plugins: {
      call: async <T>(plugin: string, name: string, input?: unknown) => {
        const known = options.plugins?.[plugin];
        const run = await call(() => known?.[name]);
        if (!known) throw failure('PLUGIN_NOT_FOUND', `No plugin ${plugin} is installed here`);
        if (!run) throw failure('FUNCTION_NOT_FOUND', `No function ${name}`);
        return JSON.parse(jsonText(await run(JSON.parse(jsonText(input)) as Json))) as T;
      },
    },
  };
}
