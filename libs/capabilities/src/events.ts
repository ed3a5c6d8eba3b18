import { createHash } from 'node:crypto';
import { isReservedEventType, maxCausationDepth, maxChainEvents } from '@mortise/contracts';
import { capability, limitError, textArgument } from './capability.js';
import { CapabilityError, type ExecutionScope } from './types.js';

const typePattern = /^[a-z0-9_-]+(\.[a-z0-9_-]+)+$/i;
const dataBytes = 65_536;

/** Sends an event under the plugin's own names; resolves when it is durable. */
export const eventsEmit = capability({
  name: 'events.emit',
  permission: 'events:publish',
  async run(args, { scope, stores }) {
    const type = textArgument(args, 'type', 255);
    if (!typePattern.test(type)) {
      const message = 'An event type is words of letters, digits, - and _ joined by dots, two at least';
      throw new CapabilityError('EVENT_INVALID', message, { type });
    }
    if (isReservedEventType(type.toLowerCase())) {
      throw new CapabilityError('EVENT_TYPE_RESERVED', `The event type ${type} belongs to the platform`, {
        type,
      });
    }
    const subject =
      args.subject === undefined || args.subject === null ? undefined : textArgument(args, 'subject', 255);
    const data = JSON.stringify(args.data ?? null);
    const bytes = Buffer.byteLength(data);
    if (bytes > dataBytes) throw limitError(scope, 'eventBytes', dataBytes, bytes);
    if (scope.causationDepth + 1 > maxCausationDepth) {
      const message = `More than ${maxCausationDepth} events caused one another: the chain is cut here`;
      throw new CapabilityError('CAUSATION_TOO_DEEP', message, { limit: maxCausationDepth });
    }
    const { events } = scope.limits;
    if (scope.meter.events >= events) throw limitError(scope, 'events', events, scope.meter.events + 1);
    const { chainId } = scope;
    if (chainId !== undefined && !stores.chains.take(scope.tenantId, chainId)) {
      const message = `More than ${maxChainEvents} events descend from one: the chain is cut here`;
      throw new CapabilityError('CAUSATION_TOO_WIDE', message, { limit: maxChainEvents, chainId });
    }
    const id = eventId(scope, ++scope.meter.events, type);
    const { installation } = scope;
    await stores.events.emit({
      id,
      tenantId: installation.tenantId,
      installationId: installation.installationId,
      executionId: scope.executionId,
      plugin: `${installation.publisher}/${installation.slug}`,
      type,
      ...(subject !== undefined && { subject }),
      data: scope.redactor.json(data),
      causationDepth: scope.causationDepth + 1,
      ...(chainId !== undefined && { chainId }),
      ...(scope.traceparent !== undefined && { traceparent: scope.traceparent }),
    });
    return { id };
  },
});

/** The same run gives the same ids: when its process died and it runs again, nobody takes its events for new ones. */
function eventId({ executionId, attempt }: ExecutionScope, ordinal: number, type: string): string {
  const hash = createHash('sha256')
    .update(`${executionId}/${attempt ?? 1}/${ordinal}/${type}`)
    .digest('hex');
  const part = (from: number, to: number) => hash.slice(from, to);
  // UUID version 8: made of a hash of our own.
  return `${part(0, 8)}-${part(8, 12)}-8${part(13, 16)}-a${part(17, 20)}-${part(20, 32)}`;
}
