import {
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsISO8601,
  IsObject,
  IsOptional,
  IsString,
  IsUUID,
  Length,
  Matches,
  Max,
  Min,
  ValidateIf,
  ValidateNested,
} from 'class-validator';
import { Transform, Type } from 'class-transformer';
import { installationStatuses, type InstallationStatus } from '../statuses.js';
import { limitTable, timeoutTable, type RequestedLimits } from '../limits.js';
import { IsInstant, Nullable } from './answers.js';
import { PageQuery, PluginNameDto } from './plugins.js';

export class GrantRequest {
  /** `resource:action` */
  @IsString() @Length(3, 100) permission: string;
  @IsOptional() @IsObject() selector?: Record<string, unknown>;
  @IsOptional() @IsISO8601() expiresAt?: string;
}

export class InstallBody {
  /** Plugin id, publisher/slug, or slug where unique. */
  @IsString() @Length(1, 200) plugin: string;
  /** Exact version; default: the newest. */
  @IsOptional() @IsString() @Length(1, 64) version?: string;
  @IsOptional() @IsObject() config?: Record<string, unknown>;
  /** What the admin consents to: a list, or 'all' for everything the manifest requires. */
  @IsOptional()
  @ValidateIf((body: InstallBody) => body.grants !== 'all')
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => GrantRequest)
  grants?: GrantRequest[] | 'all';
}

/** Body of the alias POST /api/plugins/install and of POST /plugins with `plugin_id`. */
export class InstallAliasBody {
  @IsString() @Length(1, 200) plugin_id: string;
  @IsOptional() @IsString() version?: string;
  @IsOptional() @IsObject() config?: Record<string, unknown>;
}

export class UninstallQuery {
  /** Keep storage and config for 30 days; default true. */
  @IsOptional()
  @Transform(({ value }) =>
    value === 'false' || value === false
      ? false
      : value === 'true' || value === true
        ? true
        : (value as unknown),
  )
  @IsBoolean()
  keepData?: boolean;
}

export class InstallationListQuery extends PageQuery {
  @IsOptional()
  @IsIn(['awaiting_approval', 'installed', 'active', 'inactive', 'suspended', 'error'])
  status?: InstallationStatus;
}

export class GrantDto {
  @IsUUID() id: string;
  @IsString() permission: string;
  @IsObject() @Nullable() selector: Record<string, unknown> | null;
  @IsInstant() @Nullable() expiresAt: string | null;
  @IsString() grantedBy: string;
  @IsInstant() createdAt: string;
}

export class InstallationDto {
  @IsUUID() id: string;
  @ValidateNested() @Type(() => PluginNameDto) plugin: PluginNameDto;
  @IsString() version: string;
  @IsUUID() versionId: string;
  /** sha256 of the package, lower-case hex. */
  @Matches(/^[0-9a-f]{64}$/) digest: string;
  @IsIn(installationStatuses) status: InstallationStatus;
  /** Raised by every change of the installation. */
  @IsInt() revision: number;
  @IsObject() config: Record<string, unknown>;
  /** The config's own counter: its ETag. */
  @IsInt() configRevision: number;
  @IsArray() @ValidateNested({ each: true }) @Type(() => GrantDto) grants: GrantDto[];
  @IsObject() limits: RequestedLimits;
  /** What keeps it from being activated: `config`, `secret:KEY`, `grant:resource:action`. */
  @IsArray() @IsString({ each: true }) missing: string[];
  /** Declared in the manifest but not run yet. */
  @IsArray() @IsString({ each: true }) warnings: string[];
  @IsString() @Nullable() quarantineReason: string | null;
  @IsInstant() createdAt: string;
  @IsInstant() updatedAt: string;
}

export class SecretBody {
  @IsString() @Length(1, 16_384) value: string;
}

export class SecretDto {
  @IsString() key: string;
  @IsBoolean() set: boolean;
  @IsBoolean() required: boolean;
  @IsInstant() @Nullable() updatedAt: string | null;
}

/** PATCH /installations/{id}/config: a JSON merge patch (RFC 7396); any object. */
export type ConfigPatch = Record<string, unknown>;

/** Limits of an installation: its admin's word, over that of the manifest and its functions. */
export class InstallationLimits implements RequestedLimits {
  @IsOptional() @IsInt() @Min(8) @Max(limitTable.memoryMb.tenantMax) memoryMb?: number;
  @IsOptional() @IsInt() @Min(1) @Max(limitTable.cpuPercent.tenantMax) cpuPercent?: number;
  @IsOptional() @IsInt() @Min(0) @Max(limitTable.storageMb.tenantMax) storageMb?: number;
  @IsOptional() @IsInt() @Min(0) @Max(limitTable.networkRequests.tenantMax) networkRequests?: number;
  @IsOptional() @IsInt() @Min(1) @Max(limitTable.hostCalls.tenantMax) hostCalls?: number;
  @IsOptional() @IsInt() @Min(1) @Max(limitTable.hostCallsInFlight.tenantMax) hostCallsInFlight?: number;
  @IsOptional() @IsInt() @Min(1) @Max(limitTable.outputBytes.tenantMax) outputBytes?: number;
  @IsOptional() @IsInt() @Min(0) @Max(limitTable.logLines.tenantMax) logLines?: number;
  @IsOptional() @IsInt() @Min(0) @Max(limitTable.logBytes.tenantMax) logBytes?: number;
  @IsOptional() @IsInt() @Min(0) @Max(limitTable.events.tenantMax) events?: number;
  @IsOptional() @IsInt() @Min(1) @Max(limitTable.concurrency.tenantMax) concurrency?: number;
  @IsOptional() @IsInt() @Min(1) @Max(timeoutTable.task.tenantMax) timeoutMs?: number;
  @IsOptional() @IsInt() @Min(1) @Max(timeoutTable.task.tenantMax) cpuMs?: number;
}

export class UpdateInstallationBody {
  /** Replaces the whole config. Send If-Match. */
  @IsOptional() @IsObject() config?: Record<string, unknown>;
  /** Replaces the limits that were set here before. */
  @IsOptional() @ValidateNested() @Type(() => InstallationLimits) limits?: InstallationLimits;
}

/** Internal: the executor asks the registry for an installation's secrets. */
export interface SecretValues {
  revision: number;
  values: Record<string, string>;
}

export class InternalSecretsQuery {
  @IsUUID() tenantId: string;
}
