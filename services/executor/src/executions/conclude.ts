import type { Redactor } from '@mortise/capabilities';
import {
  errorDefinition,
  fillText,
  jsonDepth,
  withRaise,
  type ExecutionError,
  type ErrorCode,
  type Outcome,
} from '@mortise/contracts';
import type { SandboxResult } from '@mortise/sandbox';
import type { Run } from './running.js';
import { storableValue } from './storable.js';

const depthMax = 256;

export interface Conclusion {
  status: Outcome;
  result?: string;
  error?: ExecutionError;
}

/** An error of the table as an execution's error. */
export const executionError = (code: ErrorCode, details: Record<string, unknown> = {}): ExecutionError => ({
  code,
  message: fillText(errorDefinition(code).text, details),
  ...(Object.keys(details).length > 0 && { details }),
});

/** What the run's outcome is called: the sandbox's word, unless the platform ended it. Secrets are masked. */
export function conclude(
  result: Pick<SandboxResult, 'status' | 'result' | 'error'>,
  killed: Run['killed'],
  redactor: Redactor,
): Conclusion {
  if (result.status === 'succeeded') return succeeded(result.result ?? 'null', redactor);
  if (killed) return ended(killed);
  const error = result.error ?? executionError('EXECUTION_FAILED', { message: result.status });
  const told = error.details ? { ...error, details: withRaise(error.details) } : error;
  return { status: result.status, error: storableValue(redactor.value(told)) };
}

function succeeded(result: string, redactor: Redactor): Conclusion {
  // Whoever reads it next does so by recursion: this service, the database, the caller.
  if (result.length > 2 * depthMax && jsonDepth(result) > depthMax) {
    const message = `The result nests deeper than ${depthMax} levels`;
    return { status: 'failed', error: { code: 'RESULT_INVALID', message } };
  }
  return { status: 'succeeded', result: redactor.json(result) };
}

/** The outcome of a run that the platform ended. */
export function ended(killed: NonNullable<Run['killed']>): Conclusion {
  if (killed.reason === 'quarantined')
    return {
      status: 'denied',
      error: executionError('QUARANTINED', { reason: killed.text ?? 'see the log' }),
    };
  return { status: 'cancelled', error: executionError('EXECUTION_CANCELLED') };
}
