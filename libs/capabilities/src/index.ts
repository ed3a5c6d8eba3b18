export { CapabilityHost } from './host.js';
export { ChainBudget } from './chain-budget.js';
export { capability, type Call, type Capability } from './capability.js';
export { AddressPolicy } from './http/addresses.js';
export { Egress } from './http/egress.js';
export { DnsResolver } from './http/names.js';
export { cleanLine, type PluginLine } from './log.js';
export { MemoryCache } from './memory-cache.js';
export { MemoryStorage } from './memory-storage.js';
export { Redactor } from './redactor.js';
export {
  CapabilityError,
  newMeter,
  type CacheStore,
  type CapabilityStores,
  type EmittedEvent,
  type EventSink,
  type ExecutionScope,
  type Meter,
  type PluginCall,
  type PluginCalls,
  type SecretSource,
  type StorageStore,
} from './types.js';
