import type { Bus, Received } from '@mortise/bus';
import {
  CancelCommand,
  Control,
  headers,
  isTerminal,
  type CancelReply,
  type ExecutionData,
} from '@mortise/contracts';
import type { Clock } from '@mortise/service-kit';
import type { Runs } from '../background/runs.js';
import { executionError } from '../executions/conclude.js';
import type { Reporter } from '../executions/reporter.js';
import type { Running } from '../executions/running.js';
import { readCommand } from '../interactive/read-command.js';

export interface CancelParts {
  bus: Bus;
  runs: Runs;
  running: Running;
  reporter: Reporter;
  clock: Clock;
}

/** Ends executions before they start, or stops them where they run. */
export class Cancels {
  constructor(private readonly parts: CancelParts) {}

  async cancel(record: Received): Promise<void> {
    const outcome = await this.decide(readCommand(CancelCommand, record));
    const reply: CancelReply = { outcome };
    this.parts.bus.reply(record, Buffer.from(JSON.stringify(reply)), { [headers.status]: 'succeeded' });
  }

  private async decide(command: CancelCommand): Promise<CancelReply['outcome']> {
    const { running, runs, reporter } = this.parts;
    const { executionId, tenantId } = command;
    if (running.get(executionId)?.tenantId === tenantId) {
      running.kill(executionId, 'cancelled');
      return 'killing';
    }
    // A failed attempt may have made way for the next one meanwhile: that one is meant.
    for (let attempt = command.attempt; ; attempt++) {
      const data = cancelledData(command, attempt, this.parts.clock.now());
      const found = await runs.cancel({ ...command, attempt }, data);
      if (!found) {
        await reporter.step(data);
        // An interactive run has no claim: if this is one, it runs elsewhere.
        await this.killElsewhere(executionId);
        return 'cancelled';
      }
      if (!found.outcome) {
        await this.killElsewhere(executionId);
        return 'killing';
      }
      if (isTerminal(found.outcome.status)) return 'ended';
    }
  }

  private killElsewhere(executionId: string): Promise<void> {
    return this.parts.bus.publish(Control, { action: 'kill', target: executionId, reason: 'cancelled' });
  }
}

const cancelledData = (command: CancelCommand, attempt: number, nowMs: number): ExecutionData => ({
  executionId: command.executionId,
  tenantId: command.tenantId,
  installationId: command.installationId,
  pluginId: command.pluginId,
  version: command.version,
  function: command.function,
  trigger: command.trigger,
  status: 'cancelled',
  attempt,
  acceptedAt: command.acceptedAt,
  finishedAt: new Date(nowMs).toISOString(),
  error: executionError('EXECUTION_CANCELLED'),
});
