import type { Bus, Received } from '@mortise/bus';
import { isTerminal, type ExecutionData } from '@mortise/contracts';
import type { Database } from '@mortise/database';
import type { Logger } from '@mortise/service-kit';
import { finishFiresSql } from './schedules.sql.js';

/** Marks fires whose execution has ended: what `overlap` asks. */
export class FireEnds {
  constructor(
    private readonly db: Database,
    private readonly logger: Logger,
  ) {}

  consume(bus: Bus): void {
    bus.consume({
      topic: 'execution-events',
      batch: (records) => this.ended(records),
      maxBatch: 500,
      delayMs: 100,
    });
  }

  async ended(records: Received[]): Promise<void> {
    const ended = records.map((record) => this.jobEnd(record)).filter((end) => end !== undefined);
    if (ended.length === 0) return;
    await this.db.system((tx) =>
      tx.query(finishFiresSql, [ended.map((end) => end.executionId), ended.map((end) => end.status)]),
    );
  }

  private jobEnd(record: Received): Pick<ExecutionData, 'executionId' | 'status'> | undefined {
    const type = record.headers['ce_type'] ?? '';
    // The many events of other triggers are told apart without parsing them.
    if (type === 'execution.requested' || type === 'execution.started') return undefined;
    if (!record.value?.includes('"trigger":"job"')) return undefined;
    try {
      const { executionId, trigger, status } = JSON.parse(record.value.toString('utf8')) as ExecutionData;
      return trigger === 'job' && isTerminal(status) ? { executionId, status } : undefined;
    } catch {
      // The registry, which owns the records, puts it among the dead letters; here it is nobody's end.
      this.logger.warn({ offset: record.offset }, 'execution event cannot be read');
      return undefined;
    }
  }
}
