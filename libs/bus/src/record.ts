import type { TopicName } from '@mortise/contracts';

/**
 * What travels: bytes and strings only, in one process too. A value's bytes are handed over with the record: neither
 * side writes into them afterwards.
 */
export interface BusRecord {
  topic: TopicName;
  /** Records of one key stay in order; null: any partition, no order. */
  key: string | null;
  /** null is a tombstone on compacted topics. */
  value: Buffer | null;
  headers: Record<string, string>;
  /** Set only where the receiver chose its partition (replies). */
  partition?: number;
  /** Milliseconds since 1970. */
  timestamp?: number;
}

/** A record as a handler gets it. */
export interface Received extends BusRecord {
  partition: number;
  offset: string;
  timestamp: number;
  /** Deliveries to this handler so far, from 1. */
  attempt: number;
}

/** The envelope of an event, beside its data. What is left out gets its default. */
export interface EventMeta {
  id?: string | undefined;
  tenantId?: string | undefined;
  /** URI reference of who says it; default `/{service}`. */
  source?: string | undefined;
  /** ISO 8601; default now. */
  time?: string | undefined;
  subject?: string | undefined;
  /** Id of the event that caused this one. */
  causationId?: string | undefined;
  /** How many events caused one another before this one. */
  causationDepth?: number | undefined;
  /** The event at the head of the chain; absent on that one itself. */
  chainId?: string | undefined;
  /** Rises with each change of the aggregate; consumers ignore a lower one. */
  sequence?: number | undefined;
  /** W3C trace context. */
  traceparent?: string | undefined;
  /** ISO 8601: when the platform took it on. */
  acceptedAt?: string | undefined;
}

/** An event of the catalogue, decoded and validated. */
export interface BusEvent<T> extends EventMeta {
  id: string;
  type: string;
  source: string;
  time: string;
  causationDepth: number;
  data: T;
  record: Received;
}

/** Where a group puts a record it could not handle in time: a row that is due later. */
export interface Parking {
  park(parked: {
    record: Received;
    group: string;
    /** Deliveries so far. */
    attempt: number;
    reason: string;
    /** Milliseconds since 1970. */
    dueAt: number;
  }): Promise<void>;
}
