export { Sandbox } from './sandbox.js';
export { sourceOf } from './source.js';
export {
  type EndReason,
  type HostFailure,
  type InspectError,
  type InspectResult,
  type Invocation,
  type LimitHit,
  type LogEntry,
  type SandboxLogger,
  type SandboxOptions,
  type SandboxResult,
  type SandboxStats,
  type Source,
  type Unit,
  type UnitKey,
  type Kill,
  type Walls,
  type WorkerStats,
} from './types.js';
export { watchFile } from './watch-file.js';
