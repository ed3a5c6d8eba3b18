import type { TopicName } from '../topics.js';

export type PayloadClass<T extends object> = new () => T;

/** An event: its name, where it travels, what orders it and the class that validates it. */
export interface EventDefinition<T extends object = object> {
  /** Bare type, e.g. `plugin.uploaded`. */
  readonly type: string;
  readonly topic: TopicName;
  /** Records of one key stay in order. */
  readonly key: (data: T) => string;
  readonly data: PayloadClass<T>;
  /** Raised only by breaking changes; travels in `dataschema`. */
  readonly version: number;
  /** For others to consume: boot does not ask for a consumer of ours. */
  readonly external: boolean;
}

export interface EventOptions<T extends object> {
  topic: TopicName;
  key: (data: T) => string;
  data: PayloadClass<T>;
  version?: number;
  external?: boolean;
}

export const defineEvent = <T extends object>(
  type: string,
  options: EventOptions<T>,
): EventDefinition<T> => ({
  type,
  version: 1,
  external: false,
  ...options,
});
