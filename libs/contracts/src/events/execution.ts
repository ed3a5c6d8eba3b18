import {
  IsArray,
  IsIn,
  IsInt,
  IsISO8601,
  IsNumber,
  IsObject,
  IsOptional,
  IsString,
  IsUUID,
  Min,
  ValidateNested,
} from 'class-validator';
import { Type } from 'class-transformer';
import { executionStatuses, triggerKinds, type ExecutionStatus, type TriggerKind } from '../statuses.js';
import { defineEvent } from './define.js';

/** Why an execution did not succeed; in the record, the event and the answer. */
export class ExecutionError {
  /** A code of the error table, or the plugin's own. */
  @IsString() code: string;
  @IsString() message: string;
  @IsOptional() @IsString() stack?: string;
  /** For limits: which one, its value and what was used. */
  @IsOptional() @IsObject() details?: Record<string, unknown>;
}

/** What an execution used. */
export class ExecutionUsage {
  @IsNumber() cpuMs: number;
  @IsNumber() wallMs: number;
  @IsNumber() peakHeapMb: number;
  @IsInt() hostCalls: number;
  /** Its input, and what the host answered it. */
  @IsInt() bytesIn: number;
  /** Its result, and what it asked of the host. */
  @IsInt() bytesOut: number;
  /** Where it sent any: redirects followed are requests of their own. */
  @IsOptional() @IsInt() networkRequests?: number;
  /** Bodies of the answers, as they came over the network. */
  @IsOptional() @IsInt() networkBytesIn?: number;
  /** Bodies of the requests. */
  @IsOptional() @IsInt() networkBytesOut?: number;
}

/** One step in the life of an execution: the data of every `execution.*` event. */
export class ExecutionData {
  @IsUUID() executionId: string;
  @IsUUID() tenantId: string;
  @IsUUID() installationId: string;
  @IsUUID() pluginId: string;
  @IsString() version: string;
  @IsString() function: string;
  @IsIn(triggerKinds) trigger: TriggerKind;
  /** Job name, event id or the like, by trigger. */
  @IsOptional() @IsString() triggerName?: string;
  @IsIn(executionStatuses) status: ExecutionStatus;
  /** Plugin retries: 1 is the first attempt. */
  @IsInt() @Min(1) attempt: number;
  /** When the platform took it on; with the id it names the record's partition. */
  @IsISO8601() acceptedAt: string;
  @IsOptional() @IsISO8601() startedAt?: string;
  @IsOptional() @IsISO8601() finishedAt?: string;
  /** JSON text of the result, succeeded only. */
  @IsOptional() @IsString() result?: string;
  @IsOptional() @ValidateNested() @Type(() => ExecutionError) error?: ExecutionError;
  @IsOptional() @ValidateNested() @Type(() => ExecutionUsage) usage?: ExecutionUsage;
  /** Set when a failed attempt will be tried again. */
  @IsOptional() @IsISO8601() nextAttemptAt?: string;
  /** The event that caused it. */
  @IsOptional() @IsString() causationId?: string;
}

export class LogLine {
  @IsISO8601() at: string;
  /** Counts within the execution, from 0. */
  @IsInt() @Min(0) sequence: number;
  @IsIn(['debug', 'info', 'warn', 'error']) level: 'debug' | 'info' | 'warn' | 'error';
  @IsString() message: string;
  @IsOptional() @IsObject() fields?: Record<string, unknown>;
}

export class ExecutionLogData {
  @IsUUID() executionId: string;
  @IsUUID() tenantId: string;
  @IsUUID() installationId: string;
  @IsArray() @ValidateNested({ each: true }) @Type(() => LogLine) lines: LogLine[];
}

const byInstallation = (data: { installationId: string }) => data.installationId;
const executionEvent = (status: string) =>
  defineEvent(`execution.${status}`, { topic: 'execution-events', key: byInstallation, data: ExecutionData });

export const ExecutionRequested = executionEvent('requested');
export const ExecutionStarted = executionEvent('started');
export const ExecutionSucceeded = executionEvent('succeeded');
export const ExecutionFailed = executionEvent('failed');
export const ExecutionTimedOut = executionEvent('timed_out');
export const ExecutionOutOfMemory = executionEvent('out_of_memory');
export const ExecutionCancelled = executionEvent('cancelled');
export const ExecutionDenied = executionEvent('denied');
export const ExecutionSecurityViolation = executionEvent('security_violation');
export const ExecutionDeadLettered = executionEvent('dead_lettered');
export const ExecutionLogged = defineEvent('execution.logged', {
  topic: 'execution-logs',
  key: byInstallation,
  data: ExecutionLogData,
});

/** The event that says an execution reached a status. */
export const executionEvents = {
  queued: ExecutionRequested,
  running: ExecutionStarted,
  succeeded: ExecutionSucceeded,
  failed: ExecutionFailed,
  timed_out: ExecutionTimedOut,
  out_of_memory: ExecutionOutOfMemory,
  cancelled: ExecutionCancelled,
  denied: ExecutionDenied,
  security_violation: ExecutionSecurityViolation,
  dead_lettered: ExecutionDeadLettered,
} as const;
