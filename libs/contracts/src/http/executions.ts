import {
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsISO8601,
  IsNumber,
  IsObject,
  IsOptional,
  IsString,
  IsUUID,
  Length,
  ValidateNested,
} from 'class-validator';
import { Type } from 'class-transformer';
import { executionStatuses, triggerKinds, type ExecutionStatus, type TriggerKind } from '../statuses.js';
import { ExecutionError, ExecutionUsage } from '../events/execution.js';
import { IsAnything, IsInstant, Nullable } from './answers.js';
import { PageQuery } from './plugins.js';

/** Answer of a sync execute that ended without a problem; others are problems with `executionId`. */
export class ExecuteAnswer {
  @IsIn(['succeeded']) status: 'succeeded';
  @IsAnything() result: unknown;
  @IsUUID() executionId: string;
  @IsNumber() durationMs: number;
}

/** Answer of POST /plugins/{plugin}/execute: the shape of the systems before this one. */
export class OlderExecuteAnswer {
  @IsIn(['success', 'error', 'timeout', 'security_violation'])
  status: 'success' | 'error' | 'timeout' | 'security_violation';
  @IsAnything() result: unknown;
  @IsOptional() error?: unknown;
  @IsNumber() execution_time_ms: number;
  @IsUUID() execution_id: string;
}

/** Answer of an async execute (202) and of run-now. */
export class AcceptedDto {
  @IsUUID() executionId: string;
  @IsIn(['queued']) status: 'queued';
}

/** Answer of a cancel: `cancelled` when it had not begun, else the status it still has. */
export class CancelledDto {
  @IsUUID() executionId: string;
  @IsIn(executionStatuses) status: ExecutionStatus;
}

export class ExecutionListQuery extends PageQuery {
  @IsOptional() @IsUUID() installation?: string;
  @IsOptional() @IsIn(executionStatuses) status?: ExecutionStatus;
  @IsOptional() @IsIn(triggerKinds) trigger?: TriggerKind;
  /** Only those accepted at or after. */
  @IsOptional() @IsISO8601() since?: string;
}

export class ExecutionDto {
  @IsUUID() id: string;
  @IsUUID() installationId: string;
  @IsUUID() pluginId: string;
  @IsString() version: string;
  @IsString() function: string;
  @IsIn(triggerKinds) trigger: TriggerKind;
  /** Job name, type of the event or the like, by trigger. */
  @IsString() @Nullable() triggerName: string | null;
  @IsIn(executionStatuses) status: ExecutionStatus;
  @IsInt() attempt: number;
  @IsInstant() acceptedAt: string;
  @IsInstant() @Nullable() startedAt: string | null;
  @IsInstant() @Nullable() finishedAt: string | null;
  @IsAnything() result: unknown;
  @ValidateNested() @Nullable() @Type(() => ExecutionError) error: ExecutionError | null;
  @ValidateNested() @Nullable() @Type(() => ExecutionUsage) usage: ExecutionUsage | null;
  /** When a failed attempt is tried again. */
  @IsInstant() @Nullable() nextAttemptAt: string | null;
}

export class LogQuery extends PageQuery {
  /** The least level shown. */
  @IsOptional() @IsIn(['debug', 'info', 'warn', 'error']) level?: 'debug' | 'info' | 'warn' | 'error';
  @IsOptional() @IsISO8601() since?: string;
  @IsOptional() @IsUUID() executionId?: string;
  /** `sse` keeps the answer open and sends lines as they come; so does `Accept: text/event-stream`. */
  @IsOptional() @IsIn(['sse']) follow?: 'sse';
}

export class LogLineDto {
  @IsInstant() at: string;
  @IsUUID() executionId: string;
  @IsInt() sequence: number;
  @IsIn(['debug', 'info', 'warn', 'error']) level: 'debug' | 'info' | 'warn' | 'error';
  @IsString() message: string;
  @IsObject() @Nullable() fields: Record<string, unknown> | null;
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

export class TestRunDto {
  @IsUUID() installationId: string;
  /** publisher/slug */
  @IsString() plugin: string;
  @IsString() function: string;
  @IsUUID() executionId: string;
  @IsIn(executionStatuses) status: ExecutionStatus;
  @IsOptional() result?: unknown;
  @IsOptional() @ValidateNested() @Type(() => ExecutionError) error?: ExecutionError;
}

export class TestEventDto {
  @IsString() type: string;
  /** One entry a hook that matched. */
  @IsArray() @ValidateNested({ each: true }) @Type(() => TestRunDto) runs: TestRunDto[];
}

export class EventAcceptedDto {
  @IsString() id: string;
  @IsString() source: string;
  @IsInstant() acceptedAt: string;
}

export class JobDto {
  @IsString() name: string;
  @IsString() function: string;
  @IsString() schedule: string;
  @IsString() timezone: string;
  @IsBoolean() enabled: boolean;
  @IsInstant() @Nullable() nextAt: string | null;
  @IsInstant() @Nullable() lastAt: string | null;
}

export class JobPatch {
  @IsIn([true, false]) enabled: boolean;
}
