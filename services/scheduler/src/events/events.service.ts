import { encodeCloudEvent, type Bus } from '@mortise/bus';
import type { EventAcceptedDto, Principal } from '@mortise/contracts';
import { AppError, type Clock } from '@mortise/service-kit';
import type { SentEvent } from './read-event.js';
import { sourceOf } from './source.js';

/** Longer without the bus, and the caller is told to come again: a repeat of the event is recognised by its id. */
const durableWithinMs = 10_000;

/** Events of the host product, through the API. */
export class Events {
  constructor(
    private readonly bus: Bus,
    private readonly clock: Clock,
    private readonly withinMs = durableWithinMs,
  ) {}

  /**
   * Resolves when the event is durable.
   * @throws AppError UNAVAILABLE when it was not in time; it may become so later
   */
  async publish(caller: Principal, event: SentEvent, traceparent: string): Promise<EventAcceptedDto> {
    const acceptedAt = new Date(this.clock.now()).toISOString();
    const source = sourceOf(caller, event.source);
    const { tenantId } = caller;
    const sent = this.bus.send([
      encodeCloudEvent(
        { ...event, source, time: event.time ?? acceptedAt, acceptedAt, tenantId, traceparent },
        'platform-events',
        event.subject ?? tenantId,
      ),
    ]);
    const limit = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => limit.reject(new AppError('UNAVAILABLE', { what: 'The message bus' })),
      this.withinMs,
    );
    await Promise.race([sent, limit.promise]).finally(() => clearTimeout(timer));
    return { id: event.id, source, acceptedAt };
  }
}
