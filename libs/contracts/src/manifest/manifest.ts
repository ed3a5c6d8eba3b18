import type { RequestedLimits } from '../limits.js';

/** A manifest v1 after validation and defaults. Source of truth: `plugin.schema.json` beside this file. */
export interface Manifest {
  manifestVersion: 1;
  slug: string;
  publisher?: string;
  name: string;
  version: string;
  description?: string;
  author?: string | Record<string, unknown>;
  license?: string;
  homepage?: string;
  repository?: string;
  category?: string;
  keywords?: string[];
  runtime: 'js' | 'wasm';
  main: string;
  engines?: { platform?: string; sdk?: string; node?: string };
  functions?: Record<string, ManifestFunction>;
  events?: ManifestEvent[];
  routes?: Record<string, unknown>[];
  jobs?: ManifestJob[];
  webhooks?: string[];
  formulas?: Record<string, unknown>[];
  tasks?: Record<string, unknown>[];
  taskMiddleware?: Record<string, unknown>[];
  lifecycle?: Record<string, string>;
  ui?: Record<string, unknown>;
  config?: Record<string, unknown>;
  secrets?: {
    key: string;
    title?: string;
    description?: string;
    required?: boolean;
    kind?: string;
    scope?: 'tenant' | 'user';
  }[];
  connections?: Record<string, unknown>[];
  storage?: Record<string, unknown>;
  permissions?: ManifestPermission[];
  network?: { allow: string[]; configured?: string[]; reason?: string };
  limits?: RequestedLimits;
  dependencies?: Record<string, string | { version: string; optional?: boolean; registry?: string }>;
  capabilities?: Record<string, string>;
  provides?: {
    events?: { type: string; schema?: Record<string, unknown> }[];
    capabilities?: Record<string, string>;
  };
  default?: string;
  isolation: 'isolate' | 'execution';
  [extension: `x-${string}`]: unknown;
}

export interface ManifestFunction {
  /** Export name; default: the function's own name. */
  handler?: string;
  title?: string;
  description?: string;
  /** JSON Schema (2020-12) of the input. */
  input?: Record<string, unknown>;
  output?: Record<string, unknown>;
  kind?: 'call' | 'pure' | 'task';
  expose?: ('api' | 'ui' | 'plugins' | 'workflow' | 'mcp')[];
  runAs?: 'app' | 'user';
  permissions?: string[];
  limits?: RequestedLimits;
  retry?: Retry;
  idempotent?: boolean;
}

export interface Retry {
  maxAttempts?: number;
  backoff?: 'none' | 'fixed' | 'linear' | 'exponential';
  initialMs?: number;
  maxMs?: number;
}

export interface ManifestEvent {
  on: string | string[];
  function: string;
  mode?: 'after' | 'before';
  filter?: Record<string, unknown>;
  priority?: number;
  onError?: 'continue' | 'abort';
  ordered?: boolean;
  retry?: Retry;
}

export interface ManifestJob {
  name: string;
  /** Five cron fields, or @hourly, @daily, @weekly, @monthly. */
  schedule: string;
  /** IANA name; default UTC. */
  timezone?: string;
  function: string;
  catchUp?: 'skip' | 'once';
  overlap?: 'skip' | 'queue';
  jitterS?: number;
  enabled?: boolean;
  input?: Record<string, unknown>;
  retry?: Retry;
}

export interface ManifestPermission {
  resource: string;
  actions: string[];
  selector?: Record<string, unknown>;
  reason?: string;
  optional?: boolean;
}
