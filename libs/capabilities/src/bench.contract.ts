import { effectiveLimits, type InstallationStateData, type Limits } from '@mortise/contracts';
import { ChainBudget } from './chain-budget.js';
import { CapabilityHost } from './host.js';
import { AddressPolicy } from './http/addresses.js';
import { Egress } from './http/egress.js';
import { MemoryCache } from './memory-cache.js';
import { MemoryStorage } from './memory-storage.js';
import { Redactor } from './redactor.js';
import {
  newMeter,
  type CapabilityStores,
  type EmittedEvent,
  type ExecutionScope,
  type PluginCall,
} from './types.js';

export interface Bench {
  scope: ExecutionScope;
  emitted: EmittedEvent[];
  /** Functions of other plugins that were called. */
  called: PluginCall[];
  denied: string[];
  limits: string[];
  secrets: Map<string, string>;
  /** Ends the execution. */
  end(): void;
  clock: { at: number; now(): number };
  /** Calls the host and reads its answer. */
  call(op: string, args: unknown): Promise<unknown>;
}

/** A host with stores in memory and one execution on it. */
export function bench(
  installation: Partial<InstallationStateData> = {},
  limits: Partial<Limits> = {},
  stores: Partial<CapabilityStores> = {},
): Bench {
  const clock = { at: 1_000_000, now: () => clock.at };
  const emitted: EmittedEvent[] = [];
  const called: PluginCall[] = [];
  const denied: string[] = [];
  const over: string[] = [];
  const secrets = new Map<string, string>();
  const host = new CapabilityHost({
    chains: new ChainBudget(),
    storage: new MemoryStorage(clock),
    cache: new MemoryCache(clock),
    events: {
      emit(event) {
        emitted.push(event);
        return Promise.resolve();
      },
    },
    plugins: {
      call(_by, asked) {
        called.push(asked);
        return Promise.resolve('{"answer":42}');
      },
    },
    secrets: { get: (_tenant, _installation, _revision, key) => Promise.resolve(secrets.get(key)) },
    egress: new Egress({
      names: { resolve: () => Promise.resolve([]) },
      addresses: new AddressPolicy(),
      requestsPerMinute: 600,
    }),
    clock,
    ...stores,
  });
  const ending = new AbortController();
  const scope: ExecutionScope = {
    executionId: 'execution',
    tenantId: 'acme',
    installation: {
      installationId: 'installation',
      tenantId: 'acme',
      publisher: 'acme',
      slug: 'orders',
      requested: [],
      grants: [],
      secretKeys: [],
      secretsRevision: 1,
      config: { greeting: 'Hi' },
      ...installation,
    } as InstallationStateData,
    limits: { ...effectiveLimits({}, 'call'), ...limits },
    meter: newMeter(),
    causationDepth: 0,
    deadline: clock.now() + 5_000,
    signal: ending.signal,
    redactor: new Redactor(),
    onDenied: (kind, permission) => denied.push(`${kind} ${permission}`),
    onLimit: (limit, value, used) => over.push(`${limit} ${value} ${used}`),
  };
  return {
    scope,
    emitted,
    called,
    denied,
    limits: over,
    secrets,
    end: () => ending.abort(),
    clock,
    call: async (op, args) => JSON.parse(await host.call(scope, op, JSON.stringify(args))) as unknown,
  };
}
