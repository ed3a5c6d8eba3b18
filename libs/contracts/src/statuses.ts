/** What may become of an execution, in the words of the API (`status` of records, events and answers). */
export const executionStatuses = [
  'queued',
  'running',
  'succeeded',
  'failed',
  'timed_out',
  'out_of_memory',
  'cancelled',
  'denied',
  'security_violation',
  'dead_lettered',
] as const;
export type ExecutionStatus = (typeof executionStatuses)[number];
/** The statuses after which nothing more happens to an attempt. */
export type Outcome = Exclude<ExecutionStatus, 'queued' | 'running'>;
export const isTerminal = (status: ExecutionStatus): status is Outcome =>
  status !== 'queued' && status !== 'running';
/** Within one attempt a record's status only moves to a higher rank (WIRING: delivery). */
export const statusRank = (status: ExecutionStatus): number =>
  status === 'queued' ? 0 : status === 'running' ? 1 : 2;

export const versionStatuses = [
  'uploaded',
  'validated',
  'rejected',
  'in_review',
  'published',
  'deprecated',
  'yanked',
  'quarantined',
] as const;
export type VersionStatus = (typeof versionStatuses)[number];

export const installationStatuses = [
  'awaiting_approval',
  'installed',
  'active',
  'inactive',
  'suspended',
  'error',
  'uninstalled',
] as const;
export type InstallationStatus = (typeof installationStatuses)[number];

/** Why a function runs. */
export const triggerKinds = [
  'call',
  'event',
  'job',
  'route',
  'webhook',
  'formula',
  'task',
  'ui',
  'lifecycle',
  'plugin',
] as const;
export type TriggerKind = (typeof triggerKinds)[number];
