import type { ErrorCode, InteractiveReply, Outcome } from '@mortise/contracts';
import { AppError } from '@mortise/service-kit';

type Ended = Exclude<InteractiveReply, { status: 'succeeded' }>;

// Codes by which an executor says more exactly why a function failed; any other code is the plugin's own.
const causes: ReadonlySet<string> = new Set<ErrorCode>([
  'INPUT_INVALID',
  'LIMIT_EXCEEDED',
  'FUNCTION_NOT_FOUND',
  'WORKER_CRASHED',
  'NO_CAPACITY',
]);

const codes: Record<Exclude<Outcome, 'succeeded'>, ErrorCode> = {
  failed: 'EXECUTION_FAILED',
  dead_lettered: 'EXECUTION_FAILED',
  timed_out: 'EXECUTION_TIMED_OUT',
  out_of_memory: 'OUT_OF_MEMORY',
  cancelled: 'EXECUTION_CANCELLED',
  denied: 'PERMISSION_DENIED',
  security_violation: 'SECURITY_VIOLATION',
};

// Denied, but by nobody's missing permission.
const stopped: ReadonlySet<string> = new Set<ErrorCode>(['QUARANTINED', 'INTEGRITY']);

const codeOf = (status: Ended['status'] & keyof typeof codes, cause: string): ErrorCode =>
  status === 'denied' && stopped.has(cause) ? (cause as ErrorCode) : codes[status];

/** The problem a caller gets for an execution that did not succeed (API: executions). */
export function errorOf(reply: Ended, timeoutMs: number): AppError {
  if (reply.status === 'refused') {
    const { code, details, errors } = reply.refusal;
    return new AppError(code, details, errors ? { errors } : {});
  }
  const { status, error } = reply;
  const code = causes.has(error.code) ? (error.code as ErrorCode) : codeOf(status, error.code);
  return new AppError(code, {
    ...(status === 'timed_out' ? { limit: 'timeoutMs', value: timeoutMs } : {}),
    ...(status === 'denied' || status === 'security_violation' ? { permission: error.message } : {}),
    ...error.details,
    code: error.code,
    message: error.message,
    ...(error.stack === undefined ? {} : { stack: error.stack }),
  });
}
