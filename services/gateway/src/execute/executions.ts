import type { Bus } from '@mortise/bus';
import { decodeReply, encodeExecute, withRaise, type InteractiveReply } from '@mortise/contracts';
import { AppError, metrics, newId, type Clock } from '@mortise/service-kit';
import type { NoAnswer } from './no-answer.js';
import type { Target } from './target.js';
import type { Targets } from './targets.js';

// An executor that stops a function at its deadline still gets to say so; the caller waits 250 ms longer at most.
const graceMs = 200;

/** One call on its way through the platform. */
export interface Ran {
  executionId: string;
  timeoutMs: number;
  reply: InteractiveReply;
}

/** A call that nobody answered, or that could not be asked; the id is that of the execution, if there is one. */
export class NotRun extends Error {
  constructor(
    readonly executionId: string,
    override readonly cause: AppError,
  ) {
    super(cause.message, { cause });
  }
}

const calls = metrics.counter('mortise_gateway_executions_total');
const labels = new Map<string, { status: string }>();
function count(status: string): void {
  let label = labels.get(status);
  if (!label) labels.set(status, (label = { status }));
  calls.add(1, label);
}

/** Asks an executor to run a function and waits for its answer. */
export class Executions {
  private now = 0;
  private nowText = '';
  // Hands newId the time that acceptedAt says: a record's partition is known from both.
  private readonly acceptance: Clock = { now: () => this.now };

  constructor(
    private readonly bus: Bus,
    private readonly targets: Targets,
    private readonly noAnswer: NoAnswer,
    private readonly clock: Clock,
  ) {}

  /**
   * @param body the JSON text as the caller sent it
   * @throws AppError QUARANTINED, NOT_ACTIVE, FUNCTION_NOT_FOUND, OVER_QUOTA; NotRun once it has an id
   */
  async run(
    target: Target,
    asked: string | undefined,
    body: string | Buffer,
    traceparent: string,
  ): Promise<Ran> {
    this.targets.assertRunnable(target);
    const fn = target.resolve(asked);
    if (!fn.ok)
      throw new AppError('FUNCTION_NOT_FOUND', {
        function: asked ?? 'to run by default',
        functions: fn.functions.join(', '),
      });
    if (target.inFlight >= target.concurrency)
      throw new AppError('OVER_QUOTA', withRaise({ limit: 'concurrency', value: target.concurrency }));

    const { state } = target;
    const acceptedAt = this.accept();
    const executionId = newId(this.acceptance);
    const deadline = this.now + fn.timeoutMs;
    target.inFlight++;
    try {
      const record = encodeExecute({
        executionId,
        tenantId: state.tenantId,
        installationId: state.installationId,
        revision: state.revision,
        deadline,
        acceptedAt,
        trigger: 'call',
        traceparent,
        body,
      });
      const reply = decodeReply(await this.bus.request(record, { deadline: deadline + graceMs }));
      count(reply.status);
      return { executionId, timeoutMs: fn.timeoutMs, reply };
    } catch (error) {
      const known = error instanceof AppError ? error : undefined;
      if (known?.code !== 'DEADLINE_EXCEEDED') {
        count('unavailable');
        throw new NotRun(
          executionId,
          new AppError('UNAVAILABLE', { what: 'The executor' }, { cause: known?.cause ?? error }),
        );
      }
      count('no_answer');
      this.noAnswer.record({ state, executionId, acceptedAt, function: fn.name, traceparent });
      throw new NotRun(executionId, new AppError('NO_ANSWER'));
    } finally {
      target.inFlight--;
    }
  }

  /** ISO text of now; made once per millisecond, since under load many calls share one. */
  private accept(): string {
    const now = this.clock.now();
    if (now !== this.now) {
      this.now = now;
      this.nowText = new Date(now).toISOString();
    }
    return this.nowText;
  }
}
