import 'reflect-metadata';

export {
  topics,
  topicNames,
  topic,
  serviceNames,
  type Cleanup,
  type TopicDefinition,
  type TopicName,
  type ServiceName,
} from './topics.js';
export { jsonDepth } from './json-depth.js';
export {
  executionStatuses,
  isTerminal,
  statusRank,
  versionStatuses,
  installationStatuses,
  triggerKinds,
  type ExecutionStatus,
  type Outcome,
  type VersionStatus,
  type InstallationStatus,
  type TriggerKind,
} from './statuses.js';
export {
  limitTable,
  timeoutTable,
  effectiveLimits,
  howToRaise,
  intake,
  limitKeeping,
  withRaise,
  type LimitKeeping,
  type Limits,
  type LimitRow,
  type RequestedLimits,
} from './limits.js';
export { rights, roles, roleNames, rightsOf, type Right, type Role, type Principal } from './roles.js';
export { permissions, isPermission, needsGrant, type PermissionDefinition } from './permissions.js';
export {
  hostEventTypes,
  reservedEventNamespaces,
  isReservedEventType,
  matchesEventPattern,
  maxCausationDepth,
  maxChainEvents,
} from './event-types.js';
export {
  errors,
  errorDefinition,
  fillText,
  type ErrorDefinition,
  type ErrorCode,
  type FieldError,
  type Problem,
} from './errors.js';
export { uuidTime } from './ids.js';
export { reservedSlugs } from './slugs.js';
export {
  commandTypes,
  headers,
  ExecuteBody,
  ExecuteCommand,
  CancelCommand,
  InspectCommand,
  ExecuteInBackground,
  type CommandType,
  type CancelReply,
  type InspectReply,
  type ExecuteReply,
} from './commands.js';
export {
  encodeExecute,
  encodeReply,
  decodeReply,
  type ExecuteRequest,
  type InteractiveReply,
  type Refusal,
} from './interactive.js';
export { defineEvent, type PayloadClass, type EventDefinition, type EventOptions } from './events/define.js';
export {
  PluginVersionData,
  PluginQuarantineData,
  PluginUploaded,
  PluginValidated,
  PluginQuarantined,
  PluginReleased,
} from './events/plugin.js';
export {
  InstallationData,
  GrantData,
  InstallationInstalled,
  InstallationConfigured,
  InstallationActivated,
  InstallationDeactivated,
  InstallationUninstalled,
  InstallationSuspended,
  GrantGranted,
  GrantRevoked,
} from './events/installation.js';
export {
  ExecutionError,
  ExecutionUsage,
  ExecutionData,
  LogLine,
  ExecutionLogData,
  ExecutionRequested,
  ExecutionStarted,
  ExecutionSucceeded,
  ExecutionFailed,
  ExecutionTimedOut,
  ExecutionOutOfMemory,
  ExecutionCancelled,
  ExecutionDenied,
  ExecutionSecurityViolation,
  ExecutionDeadLettered,
  ExecutionLogged,
  executionEvents,
} from './events/execution.js';
export {
  GrantState,
  InstallationStateData,
  PluginStateData,
  QuarantinedVersion,
  TenantStateData,
  InstallationState,
  PluginState,
  TenantState,
} from './events/state.js';
export {
  KillEvidence,
  SecurityViolationData,
  type KillReason,
  LimitExceededData,
  ScheduleFiredData,
  TenantData,
  ControlData,
  SecurityViolation,
  LimitExceeded,
  ScheduleFired,
  TenantCreated,
  Control,
} from './events/platform.js';
export { eventCatalogue } from './events/index.js';
export {
  type Manifest,
  type ManifestFunction,
  type Retry,
  type ManifestEvent,
  type ManifestJob,
  type ManifestPermission,
} from './manifest/manifest.js';
export { manifestSchema, webhookSchema } from './manifest/schemas.js';
export {
  PageQuery,
  PluginListQuery,
  QuarantineBody,
  type Page,
  type VersionDto,
  type PluginDto,
  type PluginDetailDto,
  type VersionDetailDto,
  UploadDto,
  type QuarantineDto,
} from './http/plugins.js';
export {
  DeadLetterFilter,
  DeadLetterQuery,
  deadLetterStatuses,
  type DeadLetterDetailDto,
  type DeadLetterDto,
  type DeadLettersChangedDto,
  type DeadLetterStatus,
} from './http/dead-letters.js';
export { type ExecutorsDto, type ExecutorStateDto } from './http/executors.js';
export { WaitingQuery, type WaitingDto } from './http/waiting.js';
export {
  GrantRequest,
  InstallBody,
  InstallAliasBody,
  UninstallQuery,
  InstallationListQuery,
  SecretBody,
  InstallationLimits,
  UpdateInstallationBody,
  InternalSecretsQuery,
  type GrantDto,
  type InstallationDto,
  type SecretDto,
  type ConfigPatch,
  type SecretValues,
} from './http/installations.js';
export {
  ExecutionListQuery,
  LogQuery,
  TestEventBody,
  TestEventAliasBody,
  JobPatch,
  AcceptedDto,
  OlderExecuteAnswer,
  type ExecutionDto,
  type LogLineDto,
  type TestEventDto,
  type EventAcceptedDto,
  type JobDto,
} from './http/executions.js';
export {
  TenantBody,
  TenantPatch,
  ApiKeyBody,
  ApiKeyListQuery,
  type TenantDto,
  type ApiKeyDto,
  type ApiKeyCreatedDto,
} from './http/platform.js';
export { type Method, type RouteAlias, type RouteDefinition } from './routes/define.js';
export { routes, routeNames, route, routePath, type RouteName } from './routes/table.js';
export { resolveFunction, type ResolvedFunction } from './manifest/functions.js';
