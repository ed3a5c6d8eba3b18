import { encodeEvent, type Bus, type BusRecord } from '@mortise/bus';
import {
  executionEvents,
  ExecutionLogged,
  type ExecutionData,
  type ExecutionLogData,
  type LogLine,
} from '@mortise/contracts';

const source = '/executor';
const eventOf: Record<ExecutionData['status'], (typeof executionEvents)['queued']> = executionEvents;

interface Pending {
  record: BusRecord;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/** Tells the rest of the platform what became of executions: one send for all records of a turn of the event loop. */
export class Reporter {
  private pending: Pending[] = [];

  constructor(private readonly bus: Pick<Bus, 'send'>) {}

  /** Resolves when the step is durable. */
  step(data: ExecutionData, traceparent?: string): Promise<void> {
    const { tenantId, acceptedAt } = data;
    return this.send(encodeEvent(eventOf[data.status], data, { source, tenantId, acceptedAt, traceparent }));
  }

  logs(about: Omit<ExecutionLogData, 'lines'>, lines: LogLine[], traceparent?: string): Promise<void> {
    const { tenantId } = about;
    return this.send(encodeEvent(ExecutionLogged, { ...about, lines }, { source, tenantId, traceparent }));
  }

  send(record: BusRecord): Promise<void> {
    return new Promise((resolve, reject) => {
      this.pending.push({ record, resolve, reject });
      if (this.pending.length === 1) setImmediate(() => this.flush());
    });
  }

  // Sends do not wait for one another: a slow consumer of one record must not hold up everybody's next.
  private flush(): void {
    const batch = this.pending;
    this.pending = [];
    this.bus.send(batch.map(({ record }) => record)).then(
      () => batch.forEach(({ resolve }) => resolve()),
      (error: unknown) => batch.forEach(({ reject }) => reject(error)),
    );
  }
}
