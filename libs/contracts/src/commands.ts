import {
  IsArray,
  IsIn,
  IsInt,
  IsISO8601,
  IsObject,
  IsOptional,
  IsString,
  IsUUID,
  Length,
  Min,
} from 'class-validator';
import { triggerKinds, type ExecutionStatus, type TriggerKind } from './statuses.js';
import { defineEvent } from './events/define.js';
import type { ExecutionError, ExecutionUsage } from './events/execution.js';

/**
 * Commands on `executions.interactive` and `executions.background`. The record's value is the command's body as JSON
 * text, its headers say the rest (see `headers`), so that the hot path hands texts on without parsing them twice.
 */
export const commandTypes = ['execute', 'cancel', 'inspect'] as const;
export type CommandType = (typeof commandTypes)[number];

/** Header names of commands and replies, beside the CloudEvents headers. */
export const headers = {
  command: 'command',
  executionId: 'execution-id',
  tenantId: 'ce_tenantid',
  installationId: 'installation-id',
  /** The least revision of the installation's state the executor must have. */
  revision: 'revision',
  /** Milliseconds since 1970: after it nobody waits any more. */
  deadline: 'deadline',
  acceptedAt: 'accepted-at',
  trigger: 'trigger',
  triggerName: 'trigger-name',
  attempt: 'attempt',
  causationId: 'ce_causationid',
  causationDepth: 'causation-depth',
  chainId: 'chain-id',
  traceparent: 'ce_traceparent',
  correlationId: 'correlation-id',
  replyTopic: 'reply-topic',
  replyPartition: 'reply-partition',
  /** Reply: `succeeded`, another outcome, or `refused` with a problem as value. */
  status: 'status',
  /** Reply: milliseconds from the start of the function to its end. */
  durationMs: 'duration-ms',
} as const;

/** Value of an execute command. `input` and `context` are what the caller sent. */
export class ExecuteBody {
  @IsOptional() @IsString() function?: string;
  @IsOptional() input?: unknown;
  /** Data of the caller, reaches the plugin as ctx.request.context; never identity. */
  @IsOptional() @IsObject() context?: Record<string, unknown>;
}

/** A background execute command as the outbox of registry and scheduler write it. */
export class ExecuteCommand extends ExecuteBody {
  @IsUUID() executionId: string;
  @IsUUID() tenantId: string;
  @IsUUID() installationId: string;
  @IsISO8601() acceptedAt: string;
  @IsIn(triggerKinds) trigger: TriggerKind;
  @IsOptional() @IsString() triggerName?: string;
  @IsInt() @Min(1) attempt: number;
  @IsOptional() @IsInt() revision?: number;
  @IsOptional() @IsString() causationId?: string;
  @IsOptional() @IsInt() causationDepth?: number;
  /** The event at the head of the chain this run belongs to; absent when no event caused it. */
  @IsOptional() @IsString() chainId?: string;
}

export class CancelCommand {
  @IsUUID() executionId: string;
  @IsUUID() tenantId: string;
  @IsUUID() installationId: string;
  @IsISO8601() acceptedAt: string;
  @IsString() function: string;
  @IsUUID() pluginId: string;
  @IsString() version: string;
  @IsIn(triggerKinds) trigger: TriggerKind;
  @IsInt() @Min(1) attempt: number;
}

/** Value of the reply to a cancel. */
export interface CancelReply {
  outcome: 'cancelled' | 'killing' | 'ended';
}

/** Load a staged package with no capabilities and list what it exports. */
export class InspectCommand {
  @Length(64, 64) digest: string;
  /** Object name in the package store: `staging/{uploadId}`. */
  @IsString() object: string;
  @IsString() main: string;
  @IsArray() @IsString({ each: true }) functions: string[];
}

/** Value of the reply to an inspect. */
export interface InspectReply {
  ok: boolean;
  /** Declared functions that the main file does not export. */
  missing?: string[];
  error?: ExecutionError & { file?: string; line?: number; column?: number; frame?: string };
}

/** Value of the reply to an interactive execute; `result` is JSON text. */
export interface ExecuteReply {
  status: ExecutionStatus;
  result?: string;
  error?: ExecutionError;
  durationMs: number;
  usage?: ExecutionUsage;
}

/** The background execute command: written to an outbox, claimed in `runs`, run once unless a process dies in it. */
export const ExecuteInBackground = defineEvent('execution.execute', {
  topic: 'executions.background',
  key: (data) => data.installationId,
  data: ExecuteCommand,
});
