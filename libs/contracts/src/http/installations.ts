import {
  IsArray,
  IsBoolean,
  IsIn,
  IsISO8601,
  IsObject,
  IsOptional,
  IsString,
  IsUUID,
  Length,
  ValidateIf,
  ValidateNested,
} from 'class-validator';
import { Transform, Type } from 'class-transformer';
import type { InstallationStatus } from '../statuses.js';
import type { RequestedLimits } from '../limits.js';
import { PageQuery } from './plugins.js';

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

export interface GrantDto {
  id: string;
  permission: string;
  selector: Record<string, unknown> | null;
  expiresAt: string | null;
  grantedBy: string;
  createdAt: string;
}

export interface InstallationDto {
  id: string;
  plugin: { id: string; publisher: string; slug: string; name: string };
  version: string;
  versionId: string;
  digest: string;
  status: InstallationStatus;
  /** Raised by every change of the installation. */
  revision: number;
  config: Record<string, unknown>;
  /** The config's own counter: its ETag. */
  configRevision: number;
  grants: GrantDto[];
  limits: RequestedLimits;
  /** What keeps it from being activated: `config`, `secret:KEY`, `grant:resource:action`. */
  missing: string[];
  /** Declared in the manifest but not run yet. */
  warnings: string[];
  quarantineReason: string | null;
  createdAt: string;
  updatedAt: string;
}

export class SecretBody {
  @IsString() @Length(1, 16_384) value: string;
}

export interface SecretDto {
  key: string;
  set: boolean;
  required: boolean;
  updatedAt: string | null;
}

/** PATCH /installations/{id}/config: a JSON merge patch (RFC 7396); any object. */
export type ConfigPatch = Record<string, unknown>;

export class UpdateInstallationBody {
  /** Replaces the whole config. Send If-Match. */
  @IsObject() config: Record<string, unknown>;
}

/** Internal: the executor asks the registry for an installation's secrets. */
export interface SecretValues {
  revision: number;
  values: Record<string, string>;
}

export class InternalSecretsQuery {
  @IsUUID() tenantId: string;
}
