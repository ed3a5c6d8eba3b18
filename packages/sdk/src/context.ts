import type { Http } from './http.js';

/** Any value that JSON can carry. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Why a function runs. */
export type TriggerKind =
  'call' | 'event' | 'job' | 'route' | 'webhook' | 'formula' | 'task' | 'ui' | 'lifecycle' | 'plugin';

/** What started this execution. */
export interface Trigger {
  kind: TriggerKind;
  /** The job's name, the event's type or the like; the function's name for calls. */
  name: string;
  /** Id of the CloudEvent, for events. */
  eventId?: string;
}

/** Writes one line to the execution's log: at most 4 KB of message and 4 KB of fields. */
export type LogMethod = (message: unknown, fields?: Record<string, unknown>) => void;

/** The execution's log. Calling it is the same as `info`. Lines over `limits().logLines` or `logBytes` are dropped. */
export interface Log {
  (message: unknown, fields?: Record<string, unknown>): void;
  debug: LogMethod;
  info: LogMethod;
  warn: LogMethod;
  error: LogMethod;
}

/** A page of keys. */
export interface KeyPage {
  keys: string[];
  /** Pass it as `cursor` for the next page; null on the last one. */
  cursor: string | null;
}

/**
 * Key-value storage of this installation alone. Keys are 1 to 512 characters without control characters, values JSON of
 * at most 64 KB.
 */
export interface Storage {
  /** The value, or null when there is none or it has expired. */
  get<T = Json>(key: string): Promise<T | null>;
  /**
   * @param options.ttlMs after so many milliseconds the value is gone
   * @throws LIMIT_EXCEEDED over 64 KB, or when the installation would hold more than `limits().storageMb`
   */
  set(key: string, value: unknown, options?: { ttlMs?: number }): Promise<void>;
  /** @returns whether there was one */
  delete(key: string): Promise<boolean>;
  /** Keys that start with `prefix`, in code point order; 100 a page unless `limit` (at most 1,000) says otherwise. */
  list(prefix?: string, options?: { cursor?: string; limit?: number }): Promise<KeyPage>;
}

/**
 * What this installation wants to remember for a while, shared by all its executions: perhaps forgotten earlier, and for a
 * second after a change another process may still give the value before it. Keys as in storage, values JSON of at most
 * 64 KB, 4 MB in all: what was written first makes room.
 */
export interface Cache {
  /** The value, or null when there is none any more. */
  get<T = Json>(key: string): Promise<T | null>;
  /** @param options.ttlMs how long it is kept at most: default an hour, 24 hours at most */
  set(key: string, value: unknown, options?: { ttlMs?: number }): Promise<void>;
  /** @returns whether there was one */
  delete(key: string): Promise<boolean>;
}

/** Events under the plugin's own names. */
export interface Events {
  /**
   * Publishes a CloudEvent (https://cloudevents.io, version 1.0); resolves when it is durable.
   * @param type two or more words joined by dots; namespaces of host and platform are refused with EVENT_TYPE_RESERVED
   * @param data JSON of at most 64 KB
   * @throws LIMIT_EXCEEDED over `limits().events`, CAUSATION_TOO_DEEP after 8 events that caused one another,
   * CAUSATION_TOO_WIDE after 100 that descend from one
   */
  emit(type: string, data?: unknown, options?: { subject?: string }): Promise<{ id: string }>;
}

/** Secrets that the manifest declares. */
export interface Secrets {
  /** The value, or null while nobody has set it. Reading an undeclared key ends the execution as a violation. */
  get(key: string): Promise<string | null>;
}

/** Other plugins of the tenant. Needs the permission `plugins:call`. */
export interface Plugins {
  /**
   * Runs a function of another plugin and gives its result. It has this execution's deadline and ends with it.
   * @param plugin `slug` or `publisher/slug` of an active installation of the same tenant
   * @param name a function that its manifest exposes to `plugins`
   * @throws PLUGIN_NOT_FOUND, FUNCTION_NOT_FOUND, NOT_ACTIVE, INPUT_INVALID, PERMISSION_DENIED, OVER_QUOTA, NO_ANSWER;
   * PLUGIN_CALL_FAILED with the other's error in `details.cause`; CAUSATION_TOO_DEEP after 8 calls that caused one another
   */
  call<T = Json>(plugin: string, name: string, input?: unknown): Promise<T>;
}

/** The limits this execution runs under, with units in their names. */
export interface Limits {
  memoryMb: number;
  timeoutMs: number;
  cpuMs: number;
  /** Share of one core over 10 s. */
  cpuPercent: number;
  storageMb: number;
  networkRequests: number;
  hostCalls: number;
  hostCallsInFlight: number;
  outputBytes: number;
  logLines: number;
  logBytes: number;
  events: number;
  concurrency: number;
}

/** Everything a handler gets besides its input. */
export interface Context<Config = Record<string, Json>> {
  tenantId: string;
  installationId: string;
  executionId: string;
  /** 1 for the first try, more for retries. */
  attempt: number;
  trigger: Trigger;
  /** The same in every attempt: give it to systems that know idempotency keys. */
  idempotencyKey: string;
  /** Milliseconds since 1970 at which the execution is stopped. */
  deadline: number;
  /** The installation's configuration, valid by the manifest's schema, defaults filled in. */
  config: Config;
  /** What the caller sent beside the input: data, never identity. */
  request?: { context: Record<string, Json> };
  plugin: { slug: string; version: string };
  log: Log;
  storage: Storage;
  cache: Cache;
  http: Http;
  events: Events;
  secrets: Secrets;
  plugins: Plugins;
  limits(): Limits;
}

/** The whole event, as handlers of event hooks get it: CloudEvents 1.0 in its JSON form. */
export interface CloudEvent<Data = Json> {
  specversion: '1.0';
  id: string;
  source: string;
  type: string;
  time?: string;
  subject?: string;
  data?: Data;
}

/** What job handlers get. */
export interface JobTick {
  /** Name of the job in the manifest. */
  job: string;
  /** ISO 8601 time it was due. */
  dueAt: string;
}

/** An error with a code that callers and the execution's record see. */
export interface PluginError extends Error {
  /** Such as LIMIT_EXCEEDED or PERMISSION_DENIED, or a code of the plugin's own. */
  code: string;
  details?: Record<string, Json>;
}
