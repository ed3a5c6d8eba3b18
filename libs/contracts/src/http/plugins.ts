import { IsIn, IsInt, IsOptional, IsString, Length, Matches, Max, Min } from 'class-validator';
import { Type } from 'class-transformer';
import type { InstallationStatus, VersionStatus } from '../statuses.js';
import type { Manifest } from '../manifest/manifest.js';

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

export interface VersionDto {
  id: string;
  version: string;
  /** sha256 of the package, lower-case hex. */
  digest: string;
  sizeBytes: number;
  status: VersionStatus;
  createdAt: string;
}

export interface PluginDto {
  id: string;
  publisher: string;
  slug: string;
  name: string;
  description: string | null;
  category: string | null;
  latestVersion: string;
  createdAt: string;
  /** This tenant's installation, if any. */
  installation: { id: string; status: InstallationStatus; version: string } | null;
}

export interface PluginDetailDto extends PluginDto {
  versions: VersionDto[];
}

export interface VersionDetailDto extends VersionDto {
  pluginId: string;
  manifest: Manifest;
  warnings: string[];
}

/** Answer of an upload: 201 new, 200 the same bytes were there. */
export interface UploadDto {
  plugin: { id: string; publisher: string; slug: string; name: string };
  version: VersionDto;
  /** What the manifest declares and nothing runs yet, and other advice. */
  warnings: string[];
}

export class QuarantineBody {
  /** The version to stop, everywhere. */
  @Matches(/^[0-9a-f-]{36}$/, { message: 'versionId must be the id of a version' }) versionId: string;
  @IsString() @Length(1, 1000) reason: string;
}

export interface QuarantineDto {
  id: string;
  versionId: string;
  pluginId: string;
  plugin: string;
  version: string;
  reason: string;
  state: 'quarantined' | 'released';
  createdBy: string;
  createdAt: string;
  releasedAt: string | null;
}
