import type { Bus, Received, States } from '@mortise/bus';
import { encodeReply, headers, withRaise, type InteractiveReply, type Refusal } from '@mortise/contracts';
import { AppError, metrics, type Clock, type Logger } from '@mortise/service-kit';
import { charge } from '../executions/charge.js';
import { admit } from '../executions/admission.js';
import { checksInput, type InputCheck } from '../executions/input-check.js';
import type { Reporter } from '../executions/reporter.js';
import type { RunRequest } from '../executions/request.js';
import type { Attempted, Done, Runner } from '../executions/runner.js';
import type { Running } from '../executions/running.js';
import type { CpuShare } from '../lanes/cpu-share.js';
import type { Lanes, Turn } from '../lanes/lanes.js';
import type { Pace } from '../lanes/pace.js';
import { readBody, readExecute, type ExecuteHeaders } from './read-command.js';

const dropped = metrics.counter('mortise_interactive_dropped_total');

export interface InteractiveParts {
  bus: Bus;
  states: States;
  inputs: InputCheck;
  lanes: Lanes;
  cpuShare: CpuShare;
  pace: Pace;
  runner: Runner;
  running: Running;
  reporter: Reporter;
  clock: Clock;
  logger: Logger;
}

/** Somebody is waiting for the answer: no claim, no database, the record of the run follows the reply. */
export class Interactive {
  /** Answered, but the record of it is not on the bus yet. */
  private readonly untold = new Map<string, Done>();

  constructor(private readonly parts: InteractiveParts) {}

  async execute(record: Received): Promise<void> {
    const command = readExecute(record);
    const { states, clock, running, pace } = this.parts;
    pace.called();
    const left = () => command.deadline - clock.now();
    // Its publish failed and the bus brings the command again: the function must not run again.
    const before = this.untold.get(command.executionId);
    if (before) return this.tell(before);
    await states.installations.caughtUp;
    // Nobody waits any more: who asked has answered by now. A command that comes twice runs once.
    if (left() <= 0 || running.get(command.executionId)) return this.drop();
    if (command.revision !== undefined) {
      const { installationId, revision } = command;
      if (!(await states.installations.waitFor(installationId, revision, left()))) return this.drop();
    }
    const done = await this.attempt(command, record);
    if (!done) return;
    this.untold.set(command.executionId, done);
    this.reply(record, answerOf(done));
    await this.tell(done);
  }

  private async tell({ data, evidence, traceparent }: Done): Promise<void> {
    const { reporter } = this.parts;
    await Promise.all([reporter.step(data, traceparent), ...evidence.map((record) => reporter.send(record))]);
    this.untold.delete(data.executionId);
  }

  private async attempt(command: ExecuteHeaders, record: Received): Promise<Done | undefined> {
    const { states, inputs, lanes, cpuShare, logger } = this.parts;
    try {
      const body = readBody(record.value);
      const admission = admit(states, { ...command, function: body.function });
      if (!admission.ok) return this.refuse(record, admission.refusal);
      const { admitted } = admission;
      const schema = checksInput(command.trigger) ? admitted.declared.input : undefined;
      if (schema) {
        const errors = inputs.errors(admitted.installation.digest, admitted.function, schema, body.input);
        if (errors.length > 0) return this.refuse(record, { code: 'INPUT_INVALID', errors });
      }
      const { tenantId, installationId } = command;
      const over = cpuShare.over(installationId, admitted.limits.cpuPercent);
      if (over) return this.refuse(record, overQuota(over.details));
      const turn = lanes.interactive({ tenantId, installationId, concurrency: admitted.limits.concurrency });
      if ('limit' in turn) return this.refuse(record, overQuota({ ...turn }));
      const attempted = await this.run(turn, {
        ...command,
        admitted,
        attempt: 1,
        input: JSON.stringify(body.input),
        context: body.context,
      });
      return attempted.kind === 'done' ? attempted : this.drop();
    } catch (error) {
      const known = error instanceof AppError ? error : new AppError('INTERNAL', {}, { cause: error });
      if (known.status >= 500)
        logger.error({ err: error, executionId: command.executionId }, 'execution refused');
      return this.refuse(record, {
        code: known.code,
        details: known.details,
        ...(known.errors && { errors: known.errors }),
      });
    }
  }

  private async run(turn: Turn | Promise<Turn>, request: RunRequest): Promise<Attempted> {
    let cpuMs = 0;
    try {
      const attempted = await this.parts.runner.run(request, turn);
      if (attempted.kind === 'done') {
        cpuMs = attempted.data.usage?.cpuMs ?? 0;
        attempted.evidence.push(...charge(this.parts.cpuShare, request, attempted));
      }
      return attempted;
    } finally {
      (turn instanceof Promise ? await turn : turn).end(cpuMs);
    }
  }

  private refuse(record: Received, refusal: Refusal): undefined {
    this.reply(record, { status: 'refused', refusal });
  }

  private drop(): undefined {
    dropped.add(1);
  }

  private reply(to: Received, answer: InteractiveReply): void {
    const encoded = encodeReply(answer);
    const executionId = to.headers[headers.executionId];
    this.parts.bus.reply(to, encoded.value, {
      ...encoded.headers,
      ...(executionId !== undefined && { [headers.executionId]: executionId }),
    });
  }
}

/** Says what can be done about it, too. */
const overQuota = (details: Record<string, unknown>): Refusal => ({
  code: 'OVER_QUOTA',
  details: withRaise(details),
});

function answerOf({ data, durationMs }: Done): InteractiveReply {
  if (data.status === 'succeeded') return { status: 'succeeded', result: data.result ?? 'null', durationMs };
  return {
    status: data.status as Exclude<typeof data.status, 'succeeded' | 'queued' | 'running'>,
    error: data.error ?? { code: 'EXECUTION_FAILED', message: data.status },
    durationMs,
    usage: data.usage,
  };
}
