import { encodeCloudEvent, type Bus } from '@mortise/bus';
import type { EventAcceptedDto, Principal } from '@mortise/contracts';
import type { Clock } from '@mortise/service-kit';
import type { SentEvent } from './read-event.js';
import { sourceOf } from './source.js';

/** Events of the host product, through the API. */
export class Events {
  constructor(
    private readonly bus: Bus,
    private readonly clock: Clock,
  ) {}

  /** Resolves when the event is durable. */
  async publish(caller: Principal, event: SentEvent, traceparent: string): Promise<EventAcceptedDto> {
    const acceptedAt = new Date(this.clock.now()).toISOString();
    const source = sourceOf(caller, event.source);
    const { tenantId } = caller;
    await this.bus.send([
      encodeCloudEvent(
        { ...event, source, time: event.time ?? acceptedAt, acceptedAt, tenantId, traceparent },
        'platform-events',
        event.subject ?? tenantId,
      ),
    ]);
    return { id: event.id, source, acceptedAt };
  }
}
