import { Type } from 'class-transformer';
import {
  IsBoolean,
  IsIn,
  IsInt,
  IsISO8601,
  IsOptional,
  IsString,
  IsUUID,
  Length,
  Matches,
  ValidateNested,
} from 'class-validator';
import { defineEvent } from './define.js';

const killReasons = ['memory_cap', 'parked', 'deadline', 'protocol', 'crashed', 'errand_late'] as const;
export type KillReason = (typeof killReasons)[number];

/** A worker process that a plugin left no other way than to kill, or that it crashed. */
export class KillEvidence {
  @IsIn(killReasons) reason: KillReason;
  @IsString() message: string;
  /** Is the execution itself to blame for certain? Otherwise its plugin was the only one in the worker. */
  @IsBoolean() blamed: boolean;
  /** Of the worker: at its end, and since it last had nothing to do. */
  @IsInt() rssMb: number;
  @IsInt() cpuMs: number;
  /** Of the execution. */
  @IsInt() wallMs: number;
  /** Executions of others that were in the worker. */
  @IsInt() neighbours: number;
}

export class SecurityViolationData {
  @IsUUID() pluginId: string;
  @IsUUID() tenantId: string;
  @IsUUID() installationId: string;
  @IsUUID() executionId: string;
  /** sha256 of the package. */
  @IsOptional() @Matches(/^[0-9a-f]{64}$/) digest?: string;
  /** What it used without having asked for it. */
  @IsOptional() @IsString() permission?: string;
  /** sha256 of what the package store has in the package's place. */
  @IsOptional() @Matches(/^[0-9a-f]{64}$/) found?: string;
  @IsOptional() @ValidateNested() @Type(() => KillEvidence) kill?: KillEvidence;
  @IsISO8601() at: string;
}

export class LimitExceededData {
  @IsUUID() pluginId: string;
  @IsUUID() tenantId: string;
  @IsUUID() installationId: string;
  @IsUUID() executionId: string;
  @IsString() limit: string;
  @IsInt() value: number;
  @IsOptional() @IsInt() used?: number;
  @IsISO8601() at: string;
}

export class ScheduleFiredData {
  @IsUUID() installationId: string;
  @IsUUID() tenantId: string;
  @IsString() job: string;
  @IsISO8601() dueAt: string;
  @IsUUID() executionId: string;
}

export class TenantData {
  @IsUUID() tenantId: string;
  @IsString() @Length(1, 64) slug: string;
  @IsISO8601() at: string;
}

/** Hastens what state says anyway: never the only way a change travels. */
export class ControlData {
  @IsIn(['kill', 'quarantine', 'forget-key', 'reload', 'report']) action:
    'kill' | 'quarantine' | 'forget-key' | 'reload' | 'report';
  /** Execution id, package digest, key hash or installation id, by action; of a report, which every executor answers: `executors`. */
  @IsString() target: string;
  @IsOptional() @IsString() reason?: string;
}

export const SecurityViolation = defineEvent('security.violation', {
  topic: 'security-events',
  external: true,
  key: (data) => data.pluginId,
  data: SecurityViolationData,
});
export const LimitExceeded = defineEvent('plugin.limit_exceeded', {
  topic: 'health-events',
  external: true,
  key: (data) => data.pluginId,
  data: LimitExceededData,
});
export const ScheduleFired = defineEvent('schedule.fired', {
  topic: 'audit',
  external: true,
  key: (data) => data.tenantId,
  data: ScheduleFiredData,
});
export const TenantCreated = defineEvent('tenant.created', {
  topic: 'audit',
  external: true,
  key: (data) => data.tenantId,
  data: TenantData,
});
export const Control = defineEvent('control', { topic: 'control', key: () => '', data: ControlData });
