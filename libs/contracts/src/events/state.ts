import {
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsObject,
  IsOptional,
  IsString,
  IsUUID,
  Min,
  ValidateNested,
} from 'class-validator';
import { Type } from 'class-transformer';
import { installationStatuses, type InstallationStatus } from '../statuses.js';
import type { RequestedLimits } from '../limits.js';
import type { ManifestEvent, ManifestFunction, ManifestJob } from '../manifest/manifest.js';
import { defineEvent } from './define.js';

export class GrantState {
  @IsString() permission: string;
  @IsOptional() @IsObject() selector?: Record<string, unknown>;
  /** ISO 8601; the grant does not count after it. */
  @IsOptional() @IsString() expiresAt?: string;
}

/** Where an installation may send requests, as its manifest asks. */
export class NetworkState {
  /** `host`, `*.host`, each with a port or without. */
  @IsArray() @IsString({ each: true }) allow: string[];
  /** Keys of config properties and secrets that hold a URL: its host is allowed as well. */
  @IsArray() @IsString({ each: true }) configured: string[];
}

/** Everything the executor, scheduler and gateway need of one installation, whole, in one record of a compacted topic. */
export class InstallationStateData {
  @IsUUID() installationId: string;
  @IsUUID() tenantId: string;
  @IsUUID() pluginId: string;
  @IsUUID() versionId: string;
  @IsString() publisher: string;
  @IsString() slug: string;
  @IsString() version: string;
  /** sha256 of the package: what runs. */
  @IsString() digest: string;
  @IsIn(installationStatuses) status: InstallationStatus;
  /** Raised by every change; lower ones are ignored by consumers. */
  @IsInt() @Min(1) revision: number;
  @IsInt() @Min(0) configRevision: number;
  @IsInt() @Min(0) secretsRevision: number;
  @IsObject() config: Record<string, unknown>;
  @IsArray() @ValidateNested({ each: true }) @Type(() => GrantState) grants: GrantState[];
  /** `resource:action` names the manifest asks for, granted or not: using any other is a violation. */
  @IsArray() @IsString({ each: true }) requested: string[];
  /** What the manifest restricts a permission to, by name: one of the selectors has to allow it. Others are not restricted. */
  @IsOptional() @IsObject() selectors?: Record<string, Record<string, unknown>[]>;
  /** Keys of the secrets the manifest declares. */
  @IsArray() @IsString({ each: true }) secretKeys: string[];
  /** Missing where the manifest names no hosts: then those of the grant are all. */
  @IsOptional() @ValidateNested() @Type(() => NetworkState) network?: NetworkState;
  @IsObject() limits: RequestedLimits;
  @IsString() main: string;
  @IsObject() functions: Record<string, ManifestFunction>;
  @IsOptional() @IsString() defaultFunction?: string;
  @IsArray() events: ManifestEvent[];
  @IsArray() jobs: ManifestJob[];
  @IsIn(['isolate', 'execution']) isolation: 'isolate' | 'execution';
}

export class QuarantinedVersion {
  @IsString() digest: string;
  @IsString() reason: string;
}

export class PluginStateData {
  @IsUUID() pluginId: string;
  @IsUUID() tenantId: string;
  @IsString() publisher: string;
  @IsString() slug: string;
  /** Quarantined versions: nothing of them runs, in any tenant. */
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => QuarantinedVersion)
  quarantined: QuarantinedVersion[];
  @IsInt() @Min(1) revision: number;
}

export class TenantStateData {
  @IsUUID() tenantId: string;
  @IsString() slug: string;
  @IsString() name: string;
  @IsBoolean() suspended: boolean;
  /** Days its executions and logs are kept; absent: as long as the platform keeps them. */
  @IsOptional() @IsInt() @Min(1) retentionDays?: number;
  @IsInt() @Min(1) revision: number;
}

/** A state topic: compacted, keyed by id, each record whole, ordered by revision. */
export const InstallationState = defineEvent('installation.state', {
  topic: 'installation-state',
  key: (data) => data.installationId,
  data: InstallationStateData,
});
export const PluginState = defineEvent('plugin.state', {
  topic: 'plugin-state',
  key: (data) => data.pluginId,
  data: PluginStateData,
});
export const TenantState = defineEvent('tenant.state', {
  topic: 'tenant-state',
  key: (data) => data.tenantId,
  data: TenantStateData,
});
