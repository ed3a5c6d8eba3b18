import type { Bus, CloudEvent } from '@mortise/bus';
import {
  decodeReply,
  effectiveLimits,
  encodeExecute,
  ExecutionTimedOut,
  errorDefinition,
  fillText,
  type ExecutionError,
  type InteractiveReply,
  type Principal,
  type Refusal,
  type TestEventDto,
} from '@mortise/contracts';
import { AppError, newId, type Clock, type Logger } from '@mortise/service-kit';
import { eventInput } from '../matching/event-input.js';
import type { Match, Subscriptions } from '../matching/subscriptions.js';
import { sourceOf } from './source.js';

/** How long after the deadline an answer may still be under way. */
const answerGraceMs = 200;
type Run = TestEventDto['runs'][number];

/** Runs the hooks an event would call, now, and shows what each gave. */
export class TestEvents {
  constructor(
    private readonly bus: Bus,
    private readonly subscriptions: Subscriptions,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {}

  async run(
    caller: Principal,
    sent: { type: string; data?: unknown },
    traceparent: string,
  ): Promise<TestEventDto> {
    const { tenantId } = caller;
    const now = this.clock.now();
    const at = new Date(now).toISOString();
    const event: CloudEvent = {
      specversion: '1.0',
      id: newId(this.clock),
      source: sourceOf(caller, 'test'),
      type: sent.type,
      time: at,
      acceptedAt: at,
      tenantId,
      causationDepth: 0,
      datacontenttype: 'application/json',
      data: sent.data ?? {},
    };
    const matches = this.subscriptions.matches(tenantId, sent.type);
    const runs = await Promise.all(matches.map((match) => this.runOne(event, match, now, traceparent)));
    return { type: sent.type, runs };
  }

  private async runOne(event: CloudEvent, match: Match, now: number, traceparent: string): Promise<Run> {
    const { installation } = match;
    const { tenantId, installationId, revision } = installation;
    const declared = installation.functions[match.function]?.limits;
    const { timeoutMs } = effectiveLimits({ ...installation.limits, ...declared }, 'call');
    const executionId = newId(this.clock);
    const deadline = now + timeoutMs;
    const who = {
      installationId,
      plugin: `${installation.publisher}/${installation.slug}`,
      function: match.function,
      executionId,
    };
    const acceptedAt = new Date(now).toISOString();
    const command = encodeExecute({
      executionId,
      tenantId,
      installationId,
      revision,
      deadline,
      acceptedAt,
      trigger: 'event',
      triggerName: event.type,
      traceparent,
      causationId: event.id,
      causationDepth: 0,
      chainId: event.id,
      body: JSON.stringify({ function: match.function, input: eventInput(event) }),
    });
    try {
      const reply = await this.bus.request(command, { deadline: deadline + answerGraceMs });
      return { ...who, ...outcomeOf(decodeReply(reply)) };
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'DEADLINE_EXCEEDED') throw error;
      return { ...who, ...this.unanswered(match, executionId, acceptedAt, event) };
    }
  }

  /** Every id that was shown has a record. */
  private unanswered(
    { installation, function: name }: Match,
    executionId: string,
    acceptedAt: string,
    event: CloudEvent,
  ): Pick<Run, 'status' | 'error'> {
    const error = { ...errorOf({ code: 'NO_ANSWER' }), details: { reason: 'no_answer' } };
    const { tenantId, installationId, pluginId, version } = installation;
    const data = {
      ...{ executionId, tenantId, installationId, pluginId, version, function: name, acceptedAt, error },
      ...{ trigger: 'event' as const, triggerName: event.type, status: 'timed_out' as const, attempt: 1 },
      finishedAt: new Date(this.clock.now()).toISOString(),
      causationId: event.id,
    };
    this.bus.publish(ExecutionTimedOut, data, { acceptedAt }).catch((failure: unknown) => {
      this.logger.warn({ err: failure, executionId }, 'timeout of a test run not published');
    });
    return { status: 'timed_out', error };
  }
}

function outcomeOf(reply: InteractiveReply): Pick<Run, 'status' | 'result' | 'error'> {
  switch (reply.status) {
    case 'succeeded':
      return { status: reply.status, result: JSON.parse(reply.result) as unknown };
    case 'refused':
      return { status: 'denied', error: errorOf(reply.refusal) };
    default:
      return { status: reply.status, error: reply.error };
  }
}

const errorOf = ({ code, details = {}, errors }: Refusal): ExecutionError => ({
  code,
  message: fillText(errorDefinition(code).text, details),
  details: { ...details, ...(errors && { errors }) },
});
