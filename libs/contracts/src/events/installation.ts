import { Type } from 'class-transformer';
import {
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsISO8601,
  IsOptional,
  IsString,
  IsUUID,
  Min,
  ValidateNested,
} from 'class-validator';
import { installationStatuses, type InstallationStatus } from '../statuses.js';
import { defineEvent } from './define.js';
import { KillEvidence } from './platform.js';

export class InstallationData {
  @IsUUID() installationId: string;
  @IsUUID() tenantId: string;
  @IsUUID() pluginId: string;
  @IsUUID() versionId: string;
  @IsString() version: string;
  @IsIn(installationStatuses) status: InstallationStatus;
  @IsInt() @Min(1) revision: number;
  /** Who did it: `key:<prefix>`. */
  @IsString() actor: string;
  @IsISO8601() at: string;
  /** Uninstalled only: false drops the plugin's storage now; otherwise it is kept for 30 days. */
  @IsOptional() @IsBoolean() keepData?: boolean;
  /** Suspended only: why the platform stopped it, and what it had killed. */
  @IsOptional() @IsString() reason?: string;
  @IsOptional() @IsArray() @ValidateNested({ each: true }) @Type(() => KillEvidence) kills?: KillEvidence[];
}

export class GrantData {
  @IsUUID() installationId: string;
  @IsUUID() tenantId: string;
  @IsUUID() grantId: string;
  @IsString() permission: string;
  @IsOptional() @IsISO8601() expiresAt?: string;
  @IsString() actor: string;
  @IsISO8601() at: string;
}

const lifecycle = { topic: 'installation-lifecycle', external: true } as const;
const byInstallation = (data: { installationId: string }) => data.installationId;
const installationEvent = (type: string, external = true) =>
  defineEvent(`installation.${type}`, {
    ...lifecycle,
    external,
    key: byInstallation,
    data: InstallationData,
  });

export const InstallationInstalled = installationEvent('installed');
export const InstallationConfigured = installationEvent('configured');
export const InstallationActivated = installationEvent('activated');
export const InstallationDeactivated = installationEvent('deactivated');
/** By the platform, for what its plugin did to workers. */
export const InstallationSuspended = installationEvent('suspended');
/** The executor drops the plugin's storage unless it is kept; the scheduler drops its jobs. */
export const InstallationUninstalled = installationEvent('uninstalled', false);
export const GrantGranted = defineEvent('grant.granted', {
  ...lifecycle,
  key: byInstallation,
  data: GrantData,
});
export const GrantRevoked = defineEvent('grant.revoked', {
  ...lifecycle,
  key: byInstallation,
  data: GrantData,
});
