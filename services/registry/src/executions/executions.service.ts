import { Injectable } from '@nestjs/common';
import { Bus } from '@mortise/bus';
import {
  ExecuteInBackground,
  headers,
  isTerminal,
  resolveFunction,
  uuidTime,
  type AcceptedDto,
  type CancelCommand,
  type CancelReply,
  type ExecuteBody,
  type ExecutionDto,
  type ExecutionListQuery,
  type ExecutionStatus,
  type Page,
  type Principal,
} from '@mortise/contracts';
import { Database, Outbox, placeOf, toPage } from '@mortise/database';
import { AppError, newId, systemClock } from '@mortise/service-kit';
import { isId } from '../ids.js';
import {
  executionPage,
  executionRow,
  insertQueued,
  targetRow,
  toExecutionDto,
  type ExecutionRow,
} from './executions.queries.js';

const cancelWithinMs = 5_000;

/** Takes executions on that nobody waits for, shows records and cancels. */
@Injectable()
export class ExecutionsService {
  constructor(
    private readonly db: Database,
    private readonly outbox: Outbox,
    private readonly bus: Bus,
  ) {}

  /**
   * Record and command in one transaction: an id that was given out is found, and runs.
   * @throws AppError INSTALLATION_NOT_FOUND, NOT_ACTIVE, QUARANTINED, FUNCTION_NOT_FOUND
   */
  async queue(
    { tenantId }: Principal,
    installation: string,
    body: ExecuteBody,
    traceparent?: string,
  ): Promise<AcceptedDto> {
    if (!isId(installation)) throw new AppError('INSTALLATION_NOT_FOUND', { installation });
    const installationId = installation.toLowerCase();
    return this.db.tx(tenantId, async (tx) => {
      const target = await targetRow(tx, tenantId, installationId);
      if (!target) throw new AppError('INSTALLATION_NOT_FOUND', { installation });
      if (target.quarantine_reason !== null)
        throw new AppError('QUARANTINED', { reason: target.quarantine_reason });
      if (target.status !== 'active') throw new AppError('NOT_ACTIVE', { status: target.status });
      const { manifest } = target;
      const found = resolveFunction(manifest.functions ?? {}, manifest.default, body.function);
      if (!found.ok) {
        throw new AppError('FUNCTION_NOT_FOUND', {
          function: body.function ?? 'execute',
          functions: found.functions.join(', '),
        });
      }
      const id = newId();
      const acceptedAt = new Date(uuidTime(id)).toISOString();
      await insertQueued(tx, {
        id,
        tenantId,
        installationId,
        pluginId: target.plugin_id,
        version: target.version,
        function: found.name,
      });
      const { input, context } = body;
      await this.outbox.add(
        tx,
        ExecuteInBackground,
        {
          executionId: id,
          tenantId,
          installationId,
          acceptedAt,
          trigger: 'call',
          attempt: 1,
          revision: target.revision,
          function: found.name,
          ...(input === undefined ? {} : { input }),
          ...(context === undefined ? {} : { context }),
        },
        { tenantId, acceptedAt, traceparent },
      );
      return { executionId: id, status: 'queued' };
    });
  }

  /** @throws AppError INVALID_CURSOR */
  async list(tenantId: string, query: ExecutionListQuery): Promise<Page<ExecutionDto>> {
    const place = placeOf(query);
    return this.db.tx(tenantId, async (tx) =>
      toPage(place, await executionPage(tx, tenantId, query, place), toExecutionDto),
    );
  }

  /** @throws AppError EXECUTION_NOT_FOUND, also for another tenant's */
  async get(tenantId: string, id: string): Promise<ExecutionDto> {
    return toExecutionDto(await this.row(tenantId, id));
  }

  /** @throws AppError EXECUTION_NOT_FOUND, EXECUTION_ENDED, UNAVAILABLE when no executor says what became of it */
  async cancel(tenantId: string, id: string): Promise<{ executionId: string; status: ExecutionStatus }> {
    const row = await this.row(tenantId, id);
    if (isTerminal(row.status)) throw new AppError('EXECUTION_ENDED', { status: row.status });
    const { outcome } = await this.askExecutor(row);
    if (outcome === 'ended') {
      const { status } = await this.row(tenantId, id);
      throw new AppError('EXECUTION_ENDED', { status: isTerminal(status) ? status : 'just now' });
    }
    return { executionId: row.id, status: outcome === 'cancelled' ? 'cancelled' : 'running' };
  }

  private async askExecutor(row: ExecutionRow): Promise<CancelReply> {
    const command: CancelCommand = {
      executionId: row.id,
      tenantId: row.tenant_id,
      installationId: row.installation_id,
      acceptedAt: row.accepted_at.toISOString(),
      function: row.function,
      pluginId: row.plugin_id,
      version: row.version,
      trigger: row.trigger,
      attempt: row.attempt,
    };
    const deadline = systemClock.now() + cancelWithinMs;
    try {
      const reply = await this.bus.request(
        {
          topic: 'executions.interactive',
          key: row.installation_id,
          value: Buffer.from(JSON.stringify(command)),
          headers: {
            [headers.command]: 'cancel',
            [headers.executionId]: row.id,
            [headers.tenantId]: row.tenant_id,
            [headers.installationId]: row.installation_id,
            [headers.acceptedAt]: command.acceptedAt,
            [headers.deadline]: String(deadline),
          },
        },
        { deadline },
      );
      return JSON.parse(reply.value?.toString() ?? '') as CancelReply;
    } catch (cause) {
      throw new AppError('UNAVAILABLE', { what: 'The executor' }, { cause });
    }
  }

  private async row(tenantId: string, id: string): Promise<ExecutionRow> {
    const row = isId(id) ? await this.db.tx(tenantId, (tx) => executionRow(tx, tenantId, id)) : undefined;
    if (!row) throw new AppError('EXECUTION_NOT_FOUND', { execution: id });
    return row;
  }
}
