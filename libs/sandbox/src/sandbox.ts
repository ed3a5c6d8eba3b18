import type { InspectResult, Invocation, SandboxOptions, SandboxResult, SandboxStats, Source, UnitKey } from './types.js';

/** Runs strangers' functions in watched child processes. */
export declare class Sandbox {
  constructor(options: SandboxOptions);
  start(): Promise<void>;
  invoke(invocation: Invocation): Promise<SandboxResult>;
  inspect(source: Source, names: string[], cordon?: string): Promise<InspectResult>;
  kill(executionId: string, reason: string): boolean;
  evict(match: (unit: UnitKey) => boolean): void;
  stats(): SandboxStats;
  close(): Promise<void>;
}
