import type { VersionDto } from '@mortise/contracts';
import type { Version } from './version.entity.js';

export const toVersionDto = (version: Version): VersionDto => ({
  id: version.id,
  version: version.version,
  digest: version.digest,
  sizeBytes: version.sizeBytes,
  status: version.status,
  createdAt: version.createdAt.toISOString(),
});
