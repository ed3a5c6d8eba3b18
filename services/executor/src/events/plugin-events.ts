import { encodeCloudEvent } from '@mortise/bus';
import type { EmittedEvent, EventSink } from '@mortise/capabilities';
import type { Clock } from '@mortise/service-kit';
import type { Reporter } from '../executions/reporter.js';

/** What plugins emit goes onto the bus; the plugin's call ends when the event is durable. */
export class PluginEvents implements EventSink {
  constructor(
    private readonly reporter: Reporter,
    private readonly clock: Clock,
  ) {}

  emit(event: EmittedEvent): Promise<void> {
    const at = new Date(this.clock.now()).toISOString();
    const record = encodeCloudEvent(
      {
        id: event.id,
        source: `/plugins/${event.plugin}/${event.installationId}`,
        type: event.type,
        time: at,
        acceptedAt: at,
        subject: event.subject,
        data: JSON.parse(event.data) as unknown,
        tenantId: event.tenantId,
        causationId: event.executionId,
        causationDepth: event.causationDepth,
        chainId: event.chainId,
        traceparent: event.traceparent,
      },
      'plugin-events',
      event.tenantId,
    );
    return this.reporter.send(record);
  }
}
