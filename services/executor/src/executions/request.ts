import type { ExecutionData, TriggerKind } from '@mortise/contracts';
import type { Admitted } from './admission.js';

/** One run to be done: an admitted function with everything that belongs to this run of it. */
export interface RunRequest {
  executionId: string;
  admitted: Admitted;
  trigger: TriggerKind;
  triggerName?: string | undefined;
  /** Plugin retries: 1 is the first attempt. */
  attempt: number;
  /** ISO 8601. */
  acceptedAt: string;
  /** Milliseconds since 1970; left out: the function's timeout, counted from its start. */
  deadline?: number;
  /** JSON text. */
  input: string;
  /** Data of the caller: ctx.request.context. */
  context?: Record<string, unknown> | undefined;
  causationId?: string | undefined;
  causationDepth: number;
  /** The event at the head of the chain it belongs to. */
  chainId?: string | undefined;
  /** W3C trace context of the command. */
  traceparent?: string | undefined;
}

/** What every execution event of this run says. */
export const baseData = (request: RunRequest): Omit<ExecutionData, 'status'> => {
  const { installation } = request.admitted;
  return {
    executionId: request.executionId,
    tenantId: installation.tenantId,
    installationId: installation.installationId,
    pluginId: installation.pluginId,
    version: installation.version,
    function: request.admitted.function,
    trigger: request.trigger,
    ...(request.triggerName !== undefined && { triggerName: request.triggerName }),
    attempt: request.attempt,
    acceptedAt: request.acceptedAt,
    ...(request.causationId !== undefined && { causationId: request.causationId }),
  };
};
