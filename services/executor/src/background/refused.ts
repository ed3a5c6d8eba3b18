import type {
  ErrorCode,
  ExecuteCommand,
  ExecutionData,
  InstallationStateData,
  Refusal,
} from '@mortise/contracts';
import { executionError } from '../executions/conclude.js';

/** Stands for what is unknown of an installation that is gone. */
const unknown = { pluginId: '00000000-0000-0000-0000-000000000000', version: 'unknown' };
/** The plugin's side decided against it; everything else is a failure of the call. */
const deniedFor: ReadonlySet<ErrorCode> = new Set(['NOT_ACTIVE', 'QUARANTINED']);

/** The outcome of a background run that was not allowed to start. */
export function refusedData(
  command: ExecuteCommand,
  installation: InstallationStateData | undefined,
  refusal: Refusal,
  nowMs: number,
): ExecutionData {
  const { executionId, tenantId, installationId, acceptedAt, trigger, attempt } = command;
  const own = installation?.tenantId === tenantId ? installation : unknown;
  const error = executionError(refusal.code, refusal.details);
  return {
    executionId,
    tenantId,
    installationId,
    pluginId: own.pluginId,
    version: own.version,
    function: command.function ?? installation?.defaultFunction ?? 'execute',
    trigger,
    ...(command.triggerName !== undefined && { triggerName: command.triggerName }),
    status: deniedFor.has(refusal.code) ? 'denied' : 'failed',
    attempt,
    acceptedAt,
    finishedAt: new Date(nowMs).toISOString(),
    error: refusal.errors ? { ...error, details: { ...error.details, errors: refusal.errors } } : error,
    ...(command.causationId !== undefined && { causationId: command.causationId }),
  };
}
