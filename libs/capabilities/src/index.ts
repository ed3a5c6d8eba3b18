export { CapabilityHost } from './host.js';
export { Redactor } from './redactor.js';
export {
  CapabilityError,
  type CapabilityStores,
  type EmittedEvent,
  type EventSink,
  type ExecutionScope,
  type Meter,
  type SecretSource,
  type StorageStore,
} from './types.js';
