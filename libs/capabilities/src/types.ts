import type { ErrorCode, ExecutionError, InstallationStateData, Limits, Outcome } from '@mortise/contracts';
import type { Egress } from './http/egress.js';
import type { ChainBudget } from './chain-budget.js';
import type { Redactor } from './redactor.js';

/** The key-value storage of installations. Twins: PostgreSQL in the executor, memory in tests and the CLI. */
export interface StorageStore {
  /** The stored JSON text, or undefined when there is none or it has expired. */
  get(tenantId: string, installationId: string, key: string): Promise<string | undefined>;
  /**
   * Stores the text unless the installation would then hold more than `quotaBytes` (keys and values).
   * @param expiresAt milliseconds since 1970, null for never
   */
  set(
    tenantId: string,
    installationId: string,
    key: string,
    value: string,
    options: { expiresAt: number | null; quotaBytes: number },
  ): Promise<{ ok: true } | { ok: false; usedBytes: number }>;
  /** @returns whether there was one */
  delete(tenantId: string, installationId: string, key: string): Promise<boolean>;
  /** Keys in code point order, after `after`. */
  list(
    tenantId: string,
    installationId: string,
    options: { prefix: string; after: string | null; limit: number },
  ): Promise<string[]>;
}

/** What installations keep for a while. Twins: PostgreSQL in the executor, memory in tests and the CLI. */
export interface CacheStore {
  /** The kept JSON text, or undefined when there is none any more. */
  get(tenantId: string, installationId: string, key: string): Promise<string | undefined>;
  /**
   * Keeps the text; what the installation wrote first goes when it would hold more than `quotaBytes`.
   * @param expiresAt milliseconds since 1970
   */
  set(
    tenantId: string,
    installationId: string,
    key: string,
    value: string,
    options: { expiresAt: number; quotaBytes: number },
  ): Promise<void>;
  /** @returns whether there was one */
  delete(tenantId: string, installationId: string, key: string): Promise<boolean>;
}

/** An event that a plugin sends out; the host gives it its source and causation. */
export interface EmittedEvent {
  id: string;
  tenantId: string;
  installationId: string;
  executionId: string;
  /** `publisher/slug` of the plugin. */
  plugin: string;
  type: string;
  subject?: string;
  /** JSON text. */
  data: string;
  causationDepth: number;
  chainId?: string;
  /** W3C trace context of the run. */
  traceparent?: string;
}

/** Takes the events of plugins; resolves when the event is durable. */
export interface EventSink {
  emit(event: EmittedEvent): Promise<void>;
}

/** Hands out the values of declared secrets. */
export interface SecretSource {
  get(tenantId: string, installationId: string, revision: number, key: string): Promise<string | undefined>;
}

/** A call of one plugin's function by another. */
export interface PluginCall {
  /** `slug` or `publisher/slug`. */
  plugin: string;
  function: string;
  /** JSON text. */
  input: string;
}

/** Runs functions of a tenant's other plugins. */
export interface PluginCalls {
  /**
   * Ends with the caller's execution, and counts as caused by it.
   * @returns JSON text of the result
   * @throws CapabilityError what the caller may know of why there is none
   */
  call(by: ExecutionScope, call: PluginCall): Promise<string>;
}

export interface CapabilityStores {
  cache: CacheStore;
  egress: Egress;
  chains: ChainBudget;
  plugins: PluginCalls;
  storage: StorageStore;
  events: EventSink;
  secrets: SecretSource;
  clock?: { now(): number };
}

/** Counts what an execution used; one object an execution. */
export interface Meter {
  hostCalls: number;
  events: number;
  bytesIn: number;
  bytesOut: number;
  /** Redirects followed are requests of their own. */
  networkRequests: number;
  /** Bodies of answers, as they came over the network. */
  networkBytesIn: number;
  /** Bodies of requests. */
  networkBytesOut: number;
}

/** What an execution that has done nothing yet used. */
export const newMeter = (): Meter => ({
  hostCalls: 0,
  events: 0,
  bytesIn: 0,
  bytesOut: 0,
  networkRequests: 0,
  networkBytesIn: 0,
  networkBytesOut: 0,
});

/** Who calls: everything the host needs to authorise and meter the calls of one execution. */
export interface ExecutionScope {
  executionId: string;
  tenantId: string;
  installation: InstallationStateData;
  limits: Limits;
  meter: Meter;
  /** Which attempt of the execution it is, from 1; default 1. */
  attempt?: number;
  /** Depth of the event that caused this execution, 0 when none did. */
  causationDepth: number;
  /** The event at the head of the chain it belongs to; absent when no event caused it. */
  chainId?: string;
  /** Milliseconds since 1970 at which the execution is stopped. */
  deadline: number;
  /** Aborted when the execution ends, however it ends: what was begun for it stops. */
  readonly signal: AbortSignal;
  /** W3C trace context of the run, for what it causes elsewhere. */
  traceparent?: string;
  /** Knows the secret values this execution has read. */
  redactor: Redactor;
  onDenied(kind: 'security_violation' | 'permission_denied', permission: string): void;
  onLimit(limit: string, value: number, used: number): void;
}

/** A call that was refused; `guest` is what the plugin sees, `outcome` ends its execution. */
export class CapabilityError extends Error {
  readonly guest: ExecutionError;
  readonly outcome?: Outcome;

  constructor(code: ErrorCode, message: string, details?: Record<string, unknown>, outcome?: Outcome) {
    super(message);
    this.guest = { code, message, ...(details && { details }) };
    if (outcome) this.outcome = outcome;
  }
}
