import type { ExecuteCommand, ExecutionData, InstallationStateData } from '@mortise/contracts';
import { newId } from '@mortise/service-kit';

export const command = (of: InstallationStateData, over: Partial<ExecuteCommand> = {}): ExecuteCommand => ({
  executionId: newId(),
  tenantId: of.tenantId,
  installationId: of.installationId,
  acceptedAt: new Date().toISOString(),
  trigger: 'call',
  attempt: 1,
  function: 'run',
  input: {},
  ...over,
});

/** The outcome of a command, as the executor would tell it. */
export const outcome = (of: ExecuteCommand, over: Partial<ExecutionData> = {}): ExecutionData => ({
  executionId: of.executionId,
  tenantId: of.tenantId,
  installationId: of.installationId,
  pluginId: newId(),
  version: '1.0.0',
  function: 'run',
  trigger: of.trigger,
  status: 'succeeded',
  attempt: of.attempt,
  acceptedAt: of.acceptedAt,
  result: '1',
  ...over,
});

/** A state table that holds what the test gives it. */
export const table = <T>(entries: [string, T][] = []) => new Map<string, T>(entries);
