import type { Context, Json, Limits, Log, PluginError, Trigger } from './context.js';

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
  /** What storage holds now, without what has expired. */
  stored(): Record<string, Json>;
}

const valueBytes = 65_536;
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
  const entries = new Map<string, { json: string; expiresAt: number }>();
  for (const [key, value] of Object.entries(options.storage ?? {})) {
    entries.set(key, { json: jsonText(value), expiresAt: Number.POSITIVE_INFINITY });
  }
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
  const live = () => {
    for (const [key, entry] of entries) if (entry.expiresAt <= now()) entries.delete(key);
    return entries;
  };
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
    limits: () => limits,
    stored: () =>
      Object.fromEntries([...live()].map(([key, entry]) => [key, JSON.parse(entry.json) as Json])),
    storage: {
      get: <T>(key: string) =>
        call(() => {
          checkKey(key);
          const entry = live().get(key);
          return entry ? (JSON.parse(entry.json) as T) : null;
        }),
      set: (key, value, setOptions) =>
        call(() => {
          checkKey(key);
          const json = jsonText(value);
          const bytes = new TextEncoder().encode(json).length;
          if (bytes > valueBytes) throw overLimit('storageValueBytes', valueBytes, bytes);
          const ttlMs = setOptions?.ttlMs;
          live().set(key, {
            json,
            expiresAt: ttlMs === undefined ? Number.POSITIVE_INFINITY : now() + ttlMs,
          });
        }),
      delete: (key) =>
        call(() => {
          checkKey(key);
          return live().delete(key);
        }),
      list: (prefix = '', listOptions = {}) =>
        call(() => {
          const { cursor, limit = 100 } = listOptions;
          const keys = [...live().keys()]
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
