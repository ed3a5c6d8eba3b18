import { IsIn, IsISO8601, IsOptional, IsSemVer, IsString, IsUUID, Length } from 'class-validator';
import { defineEvent } from './define.js';

export class PluginVersionData {
  @IsUUID() pluginId: string;
  @IsUUID() versionId: string;
  /** The tenant that owns the publisher. */
  @IsUUID() tenantId: string;
  @IsString() publisher: string;
  @IsString() slug: string;
  @IsSemVer() version: string;
  @Length(64, 64) digest: string;
  @IsISO8601() at: string;
}

export class PluginQuarantineData {
  @IsUUID() pluginId: string;
  @IsUUID() versionId: string;
  @IsUUID() quarantineId: string;
  @IsIn(['quarantined', 'released']) state: 'quarantined' | 'released';
  @IsOptional() @IsString() reason?: string;
  @IsISO8601() at: string;
}

const lifecycle = { topic: 'plugin-lifecycle', external: true } as const;
const byPlugin = (data: { pluginId: string }) => data.pluginId;

export const PluginUploaded = defineEvent('plugin.uploaded', {
  ...lifecycle,
  key: byPlugin,
  data: PluginVersionData,
});
export const PluginValidated = defineEvent('plugin.validated', {
  ...lifecycle,
  key: byPlugin,
  data: PluginVersionData,
});
export const PluginQuarantined = defineEvent('plugin.quarantined', {
  ...lifecycle,
  key: byPlugin,
  data: PluginQuarantineData,
});
export const PluginReleased = defineEvent('plugin.released', {
  ...lifecycle,
  key: byPlugin,
  data: PluginQuarantineData,
});
