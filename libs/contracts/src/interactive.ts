import { headers } from './commands.js';
import type { ErrorCode, FieldError } from './errors.js';
import type { ExecutionError, ExecutionUsage } from './events/execution.js';
import { executionStatuses, type ExecutionStatus, type Outcome, type TriggerKind } from './statuses.js';

/**
 * The wire form of interactive executions: headers say what the texts are about, texts travel as they are. The result
 * of a plugin is never parsed between the isolate and the caller.
 */
export interface ExecuteRequest {
  executionId: string;
  tenantId: string;
  installationId: string;
  /** The least revision of the installation's state the executor must have. */
  revision?: number | undefined;
  /** Milliseconds since 1970. */
  deadline: number;
  /** ISO 8601. */
  acceptedAt: string;
  trigger: TriggerKind;
  triggerName?: string | undefined;
  traceparent?: string | undefined;
  causationId?: string | undefined;
  causationDepth?: number | undefined;
  chainId?: string | undefined;
  /** JSON text of an ExecuteBody. */
  body: string | Buffer;
}

/** What an executor answers instead of running: a problem's code, with what fills its text. */
export interface Refusal {
  code: ErrorCode;
  details?: Record<string, unknown>;
  errors?: FieldError[];
}

export type InteractiveReply =
  | { status: 'succeeded'; result: string; durationMs: number }
  | {
      status: Exclude<Outcome, 'succeeded'>;
      error: ExecutionError;
      durationMs: number;
      usage?: ExecutionUsage | undefined;
    }
  | { status: 'refused'; refusal: Refusal };

interface Encoded {
  value: Buffer;
  headers: Record<string, string>;
}

const bytes = (text: string | Buffer) => (typeof text === 'string' ? Buffer.from(text) : text);

/** Record of an interactive execute command; key is the installation, so that its isolates stay warm in one place. */
export function encodeExecute(request: ExecuteRequest): Encoded & {
  topic: 'executions.interactive';
  key: string;
} {
  const optional: [string, string | number | undefined][] = [
    [headers.revision, request.revision],
    [headers.triggerName, request.triggerName],
    [headers.traceparent, request.traceparent],
    [headers.causationId, request.causationId],
    [headers.causationDepth, request.causationDepth],
    [headers.chainId, request.chainId],
  ];
  const record: Record<string, string> = {
    [headers.command]: 'execute',
    [headers.executionId]: request.executionId,
    [headers.tenantId]: request.tenantId,
    [headers.installationId]: request.installationId,
    [headers.deadline]: String(request.deadline),
    [headers.acceptedAt]: request.acceptedAt,
    [headers.trigger]: request.trigger,
  };
  for (const [name, value] of optional) if (value !== undefined) record[name] = String(value);
  return {
    topic: 'executions.interactive',
    key: request.installationId,
    value: bytes(request.body),
    headers: record,
  };
}

/** Value and headers of a reply: a result as it is, anything else as JSON. */
export function encodeReply(reply: InteractiveReply): Encoded {
  if (reply.status === 'refused') {
    return { value: bytes(JSON.stringify(reply.refusal)), headers: { [headers.status]: 'refused' } };
  }
  const head = { [headers.status]: reply.status, [headers.durationMs]: String(reply.durationMs) };
  if (reply.status === 'succeeded') return { value: bytes(reply.result), headers: head };
  const { error, durationMs, usage } = reply;
  return { value: bytes(JSON.stringify({ error, durationMs, usage })), headers: head };
}

const isOutcome = (status: string | undefined): status is Outcome =>
  executionStatuses.includes(status as ExecutionStatus) && status !== 'queued' && status !== 'running';

/**
 * The counterpart of encodeReply, for whoever asked.
 * @throws Error when it is no reply of ours
 */
export function decodeReply(record: {
  value: Buffer | null;
  headers: Readonly<Record<string, string>>;
}): InteractiveReply {
  const text = record.value?.toString() ?? 'null';
  const status = record.headers[headers.status];
  if (status === 'refused') return { status, refusal: JSON.parse(text) as Refusal };
  if (!isOutcome(status)) throw new Error('the reply says no outcome');
  const durationMs = Number(record.headers[headers.durationMs] ?? 0);
  if (status === 'succeeded') return { status, result: text, durationMs };
  const { error, usage } = JSON.parse(text) as { error: ExecutionError; usage?: ExecutionUsage };
  return { status, error, durationMs, usage };
}
