export { busEnv, type BusEnv } from './env.js';
export { type BusEvent, type BusRecord, type EventMeta, type Parking, type Received } from './record.js';
export {
  decodeCloudEvent,
  decodeEvent,
  encodeCloudEvent,
  encodeEvent,
  encodeTombstone,
  type CloudEvent,
  type CloudEventInput,
} from './codec.js';
export { Bus, type BusOptions, type SharedParts } from './bus.js';
export { type ConsumeOptions } from './consumption.js';
export { type Refused } from './engine/batcher.js';
export { StateTable } from './state-table.js';
export { openStates, quarantineReason, type States } from './states.js';
export { MemoryBroker, type MemoryBrokerOptions } from './memory/broker.js';
export { deadLetterHeaders, replayOf } from './engine/dead-letter.js';
export { retryPolicy, systemTimers, type RetryPolicy, type Timers } from './engine/timing.js';
export { OnCommand, OnEvent } from './nest/decorators.js';
export { BusContext, BusStrategy } from './nest/strategy.js';
export { findBadHandler, findUnconsumed, type DeclaredHandler } from './boot-check.js';
export { createTopics, seedState } from './seed.js';
export { type CreatedTopics } from './kafka/topics.js';
export { type Seeded } from './kafka/seed.js';
