import { IsIn, IsISO8601, IsObject, IsOptional, IsString, IsUUID, Length } from 'class-validator';
import { executionStatuses, triggerKinds, type ExecutionStatus, type TriggerKind } from '../statuses.js';
import type { ExecutionError, ExecutionUsage } from '../events/execution.js';
import { PageQuery } from './plugins.js';

/** Answer of a sync execute that ended without a problem; others are problems with `executionId`. */
export interface ExecuteAnswer {
  status: ExecutionStatus;
  result?: unknown;
  executionId: string;
  durationMs: number;
}

/** Answer of an async execute (202) and of run-now. */
export interface AcceptedDto {
  executionId: string;
  status: 'queued';
}

export class ExecutionListQuery extends PageQuery {
  @IsOptional() @IsUUID() installation?: string;
  @IsOptional() @IsIn(executionStatuses) status?: ExecutionStatus;
  @IsOptional() @IsIn(triggerKinds) trigger?: TriggerKind;
  /** Only those accepted at or after. */
  @IsOptional() @IsISO8601() since?: string;
}

export interface ExecutionDto {
  id: string;
  installationId: string;
  pluginId: string;
  version: string;
  function: string;
  trigger: TriggerKind;
  triggerName: string | null;
  status: ExecutionStatus;
  attempt: number;
  acceptedAt: string;
  startedAt: string | null;
  finishedAt: string | null;
  result: unknown;
  error: ExecutionError | null;
  usage: ExecutionUsage | null;
}

export class LogQuery extends PageQuery {
  /** The least level shown. */
  @IsOptional() @IsIn(['debug', 'info', 'warn', 'error']) level?: 'debug' | 'info' | 'warn' | 'error';
  @IsOptional() @IsISO8601() since?: string;
  @IsOptional() @IsUUID() executionId?: string;
  /** `sse` keeps the answer open and sends lines as they come; so does `Accept: text/event-stream`. */
  @IsOptional() @IsIn(['sse']) follow?: 'sse';
}

export interface LogLineDto {
  at: string;
  executionId: string;
  sequence: number;
  level: 'debug' | 'info' | 'warn' | 'error';
  message: string;
  fields: Record<string, unknown> | null;
}

export class TestEventBody {
  @IsString() @Length(1, 255) type: string;
  @IsOptional() data?: unknown;
}

/** Body of the alias POST /api/plugins/test-event. */
export class TestEventAliasBody {
  @IsString() @Length(1, 255) event_type: string;
  @IsOptional() @IsObject() event_data?: Record<string, unknown>;
}

export interface TestEventDto {
  type: string;
  /** One entry a hook that matched. */
  runs: {
    installationId: string;
    plugin: string;
    function: string;
    executionId: string;
    status: ExecutionStatus;
    result?: unknown;
    error?: ExecutionError;
  }[];
}

export interface EventAcceptedDto {
  id: string;
  source: string;
  acceptedAt: string;
}

export interface JobDto {
  name: string;
  function: string;
  schedule: string;
  timezone: string;
  enabled: boolean;
  nextAt: string | null;
  lastAt: string | null;
}

export class JobPatch {
  @IsIn([true, false]) enabled: boolean;
}
