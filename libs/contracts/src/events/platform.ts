import { IsIn, IsInt, IsISO8601, IsOptional, IsString, IsUUID, Length } from 'class-validator';
import { defineEvent } from './define.js';

export class SecurityViolationData {
  @IsUUID() pluginId: string;
  @IsUUID() tenantId: string;
  @IsUUID() installationId: string;
  @IsUUID() executionId: string;
  @IsString() permission: string;
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
