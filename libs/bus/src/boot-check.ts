import { eventCatalogue, type TopicName } from '@mortise/contracts';

/** A handler as it was declared. */
export interface DeclaredHandler {
  type: string;
  topic: TopicName;
  group: string;
  /** Where to look: file and method. */
  where: string;
}

/**
 * What is wrong with the declared handlers, as one sentence naming the file to fix, or undefined.
 * Unknown events and two handlers of one group are refused: the one would never run, the others would fail together.
 */
export function findBadHandler(handlers: readonly DeclaredHandler[]): string | undefined {
  const seen = new Map<string, DeclaredHandler>();
  for (const handler of handlers) {
    const known = eventCatalogue[handler.type];
    if (!known)
      return `${handler.where} handles ${handler.type}, which is not in the event catalogue: add it to libs/contracts/src/events/index.ts or correct the handler`;
    if (known.topic !== handler.topic)
      return `${handler.where} handles ${handler.type} on ${handler.topic}, but the catalogue has it on ${known.topic}: import the definition from @mortise/contracts`;
    const key = `${handler.group} ${handler.type}`;
    const other = seen.get(key);
    if (other)
      return `${handler.type} has two handlers in the group ${handler.group}: ${other.where} and ${handler.where}; merge them, or give one of them another group`;
    seen.set(key, handler);
  }
  return undefined;
}

/** The first event that nobody consumes although it is not marked external, as a sentence, or undefined. */
export function findUnconsumed(
  consumers: readonly { topic: TopicName; types?: ReadonlySet<string> | undefined }[],
): string | undefined {
  for (const { type, topic, external } of Object.values(eventCatalogue)) {
    if (external) continue;
    if (consumers.some((consumer) => consumer.topic === topic && (consumer.types?.has(type) ?? true)))
      continue;
    return `Nobody consumes ${type} of ${topic}: add an @OnEvent for it in the service that needs it, or mark it external where libs/contracts/src/events/index.ts gets it from`;
  }
  return undefined;
}
