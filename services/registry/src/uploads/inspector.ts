import { Injectable } from '@nestjs/common';
import { Bus } from '@mortise/bus';
import { headers, type InspectCommand, type InspectReply } from '@mortise/contracts';
import { AppError, systemClock } from '@mortise/service-kit';

const deadlineMs = 10_000;

/** Has an executor load a staged package: strangers' code never runs here. */
@Injectable()
export class Inspector {
  constructor(private readonly bus: Bus) {}

  /** @throws AppError NO_EXECUTOR, MAIN_INVALID with what is wrong in the code */
  async inspect(tenantId: string, command: InspectCommand): Promise<void> {
    const reply = await this.ask(tenantId, command);
    if (reply.ok) return;
    const { missing, error } = reply;
    if (missing?.length) {
      const errors = missing.map((name) => ({
        file: command.main,
        pointer: '',
        message: `it does not export ${name}, which the manifest declares as a function`,
        rule: 'exported',
      }));
      throw new AppError('MAIN_INVALID', { missing: missing.join(', ') }, { errors });
    }
    const { code = 'MAIN_INVALID', message = 'it cannot be loaded', file, line, column, frame } = error ?? {};
    const place = {
      ...(line === undefined ? {} : { line }),
      ...(column === undefined ? {} : { column }),
      ...(frame === undefined ? {} : { frame }),
    };
    throw new AppError(
      'MAIN_INVALID',
      {},
      { errors: [{ file: file ?? command.main, pointer: '', message, rule: code, ...place }] },
    );
  }

  private async ask(tenantId: string, command: InspectCommand): Promise<InspectReply> {
    const deadline = systemClock.now() + deadlineMs;
    try {
      const reply = await this.bus.request(
        {
          topic: 'executions.interactive',
          key: command.digest,
          value: Buffer.from(JSON.stringify(command)),
          headers: {
            [headers.command]: 'inspect',
            [headers.tenantId]: tenantId,
            [headers.deadline]: String(deadline),
          },
        },
        { deadline },
      );
      return JSON.parse(reply.value?.toString() ?? 'null') as InspectReply;
    } catch (error) {
      if (error instanceof AppError && error.code === 'DEADLINE_EXCEEDED') throw new AppError('NO_EXECUTOR');
      throw error;
    }
  }
}
