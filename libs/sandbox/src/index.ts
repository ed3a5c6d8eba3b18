export { Sandbox } from './sandbox.js';
export {
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
  type Violation,
  type Walls,
} from './types.js';
