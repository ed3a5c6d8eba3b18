import { encodeEvent, type Bus, type BusRecord } from '@mortise/bus';
import {
  executionEvents,
  ExecutionLogged,
  type ExecutionData,
  type ExecutionLogData,
  type LogLine,
} from '@mortise/contracts';
import { Batcher } from '@mortise/service-kit';

const source = '/executor';
const eventOf: Record<ExecutionData['status'], (typeof executionEvents)['queued']> = executionEvents;

/** Tells the rest of the platform what became of executions: many records a send, whoever they are about. */
export class Reporter {
  private readonly batcher: Batcher<BusRecord, undefined>;

  constructor(bus: Bus) {
    this.batcher = new Batcher(async (records: BusRecord[]) => {
      await bus.send(records);
      return records.map(() => undefined);
    });
  }

  /** Resolves when the step is durable. */
  step(data: ExecutionData): Promise<void> {
    return this.batcher.add(
      encodeEvent(eventOf[data.status], data, {
        source,
        tenantId: data.tenantId,
        acceptedAt: data.acceptedAt,
      }),
    );
  }

  logs(about: Omit<ExecutionLogData, 'lines'>, lines: LogLine[]): Promise<void> {
    return this.batcher.add(
      encodeEvent(ExecutionLogged, { ...about, lines }, { source, tenantId: about.tenantId }),
    );
  }

  send(record: BusRecord): Promise<void> {
    return this.batcher.add(record);
  }
}
