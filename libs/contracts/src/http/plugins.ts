import {
  IsArray,
  IsIn,
  IsInt,
  IsObject,
  IsOptional,
  IsString,
  IsUUID,
  Length,
  Matches,
  Max,
  Min,
  ValidateNested,
} from 'class-validator';
import { Type } from 'class-transformer';
import {
  installationStatuses,
  versionStatuses,
  type InstallationStatus,
  type VersionStatus,
} from '../statuses.js';
import type { Manifest } from '../manifest/manifest.js';
import { IsInstant, Nullable } from './answers.js';

/** `?limit=50&cursor=` of every list. */
export class PageQuery {
  /** Rows a page, 1 to 200; default 50. */
  @IsOptional() @Type(() => Number) @IsInt() @Min(1) @Max(200) limit?: number;
  /** From the last answer's page.next. */
  @IsOptional() @IsString() @Length(1, 512) cursor?: string;
}

export interface Page<T> {
  data: T[];
  page: { next: string | null; prev: string | null; limit: number };
}

export class PluginListQuery extends PageQuery {
  /** Status of this tenant's installation; without it: everything visible. */
  @IsOptional() @IsIn(['active', 'inactive', 'error']) status?: 'active' | 'inactive' | 'error';
  /** Words in slug, name or description. */
  @IsOptional() @IsString() @Length(1, 200) search?: string;
  @IsOptional() @IsString() @Length(1, 100) category?: string;
}

export class VersionDto {
  @IsUUID() id: string;
  @IsString() version: string;
  /** sha256 of the package, lower-case hex. */
  @Matches(/^[0-9a-f]{64}$/) digest: string;
  @IsInt() sizeBytes: number;
  @IsIn(versionStatuses) status: VersionStatus;
  @IsInstant() createdAt: string;
}

/** An installation beside its plugin. */
export class OwnInstallationDto {
  @IsUUID() id: string;
  @IsIn(installationStatuses) status: InstallationStatus;
  @IsString() version: string;
}

/** A plugin beside what is of it. */
export class PluginNameDto {
  @IsUUID() id: string;
  @IsString() publisher: string;
  @IsString() slug: string;
  @IsString() name: string;
}

export class PluginDto extends PluginNameDto {
  @IsString() @Nullable() description: string | null;
  @IsString() @Nullable() category: string | null;
  @IsString() latestVersion: string;
  @IsInstant() createdAt: string;
  /** This tenant's installation, if any. */
  @ValidateNested() @Nullable() @Type(() => OwnInstallationDto) installation: OwnInstallationDto | null;
}

export class PluginDetailDto extends PluginDto {
  @IsArray() @ValidateNested({ each: true }) @Type(() => VersionDto) versions: VersionDto[];
}

export class VersionDetailDto extends VersionDto {
  @IsUUID() pluginId: string;
  @IsObject() manifest: Manifest;
  @IsArray() @IsString({ each: true }) warnings: string[];
}

/** Answer of an upload: 201 new, 200 the same bytes were there. */
export class UploadDto {
  @ValidateNested() @Type(() => PluginNameDto) plugin: PluginNameDto;
  @ValidateNested() @Type(() => VersionDto) version: VersionDto;
  /** What the manifest declares and nothing runs yet, and other advice. */
  @IsArray() @IsString({ each: true }) warnings: string[];
}

export class QuarantineBody {
  /** The version to stop, everywhere. */
  @Matches(/^[0-9a-f-]{36}$/, { message: 'versionId must be the id of a version' }) versionId: string;
  @IsString() @Length(1, 1000) reason: string;
}

export class QuarantineDto {
  @IsUUID() id: string;
  @IsUUID() versionId: string;
  @IsUUID() pluginId: string;
  /** publisher/slug */
  @IsString() plugin: string;
  @IsString() version: string;
  @IsString() reason: string;
  @IsIn(['quarantined', 'released']) state: 'quarantined' | 'released';
  @IsString() createdBy: string;
  @IsInstant() createdAt: string;
  @IsInstant() @Nullable() releasedAt: string | null;
}
