import type { Bus } from '@mortise/bus';
import { errors, ExecutionTimedOut, type InstallationStateData } from '@mortise/contracts';
import type { Clock, Logger } from '@mortise/service-kit';

/** Sees to it that the execution id of each unanswered call finds a record. */
export class NoAnswer {
  private readonly underway = new Set<Promise<void>>();

  constructor(
    private readonly bus: Bus,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {}

  /** Does not wait for the bus: the caller has its answer within 250 ms of the deadline. */
  record(o: {
    state: InstallationStateData;
    executionId: string;
    acceptedAt: string;
    function: string;
    traceparent: string;
  }): void {
    const { state, executionId, acceptedAt } = o;
    const told = this.bus
      .publish(
        ExecutionTimedOut,
        {
          executionId,
          tenantId: state.tenantId,
          installationId: state.installationId,
          pluginId: state.pluginId,
          version: state.version,
          function: o.function,
          trigger: 'call',
          status: 'timed_out',
          attempt: 1,
          acceptedAt,
          finishedAt: new Date(this.clock.now()).toISOString(),
          error: { code: 'NO_ANSWER', message: errors.NO_ANSWER.text },
        },
        { tenantId: state.tenantId, traceparent: o.traceparent, acceptedAt },
      )
      .catch((error: unknown) => this.logger.error({ err: error, executionId }, 'timeout not recorded'))
      .finally(() => this.underway.delete(told));
    this.underway.add(told);
  }

  /** Resolves when all that was recorded has reached the bus. */
  async settled(): Promise<void> {
    await Promise.all(this.underway);
  }
}
