import { Injectable } from '@nestjs/common';
import type { Page, WaitingDto, WaitingQuery } from '@mortise/contracts';
import { Database, placeOf, toPage } from '@mortise/database';
import { AppError } from '@mortise/service-kit';
import { ExecutionsService } from '../executions/executions.service.js';
import { isId } from '../ids.js';
import { cancelWaiting, toWaitingDto, waitingPage, waitingRow, type WaitingRow } from './waiting.queries.js';

/** What operators see of messages that wait in the services' outboxes for a later time. */
@Injectable()
export class Waiting {
  constructor(
    private readonly db: Database,
    private readonly executions: ExecutionsService,
  ) {}

  /** @throws AppError INVALID_CURSOR */
  async list(query: WaitingQuery): Promise<Page<WaitingDto>> {
    const place = placeOf(query);
    return toPage(place, await this.db.system((tx) => waitingPage(tx, query, place)), toWaitingDto);
  }

  /** @throws AppError WAITING_NOT_FOUND, UNAVAILABLE when no executor says what became of its execution */
  async cancel(id: string): Promise<void> {
    const row = isId(id) ? await this.db.system((tx) => waitingRow(tx, id)) : undefined;
    if (!row) throw new AppError('WAITING_NOT_FOUND', { id });
    const run = startedBy(row, row.value);
    // First: without its command an execution would stay queued for ever. Once it is cancelled the command does nothing.
    if (run) await this.executions.cancel(run.tenantId, run.executionId).catch(ignoreEnded);
    const isGone = await this.db.system((tx) => cancelWaiting(tx, id));
    if (!isGone && !run) throw new AppError('WAITING_NOT_FOUND', { id });
  }
}

/** The execution that the message would start. */
function startedBy(
  row: WaitingRow,
  value: Buffer | null,
): { tenantId: string; executionId: string } | undefined {
  const group = row.consumer_group ?? 'executor';
  if (row.topic !== 'executions.background' || group !== 'executor') return undefined;
  try {
    const { tenantId, executionId } = JSON.parse(value?.toString() ?? '') as Record<string, unknown>;
    if (typeof tenantId !== 'string' || !isId(tenantId) || typeof executionId !== 'string') return undefined;
    return { tenantId, executionId };
  } catch {
    return undefined;
  }
}

function ignoreEnded(error: unknown): void {
  if (error instanceof AppError && ['EXECUTION_ENDED', 'EXECUTION_NOT_FOUND'].includes(error.code)) return;
  throw error;
}
