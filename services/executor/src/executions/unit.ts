import type { InstallationStateData } from '@mortise/contracts';

export type Cordon = 'tenant' | 'plugin';

/**
 * Names the isolate of an installation as it is now. The revision covers config, secrets, grants and reloads: after any
 * change the next run starts fresh, and nothing remembered from before survives it.
 */
export const unitKey = ({ tenantId, installationId, digest, revision }: InstallationStateData): string =>
  `${tenantId}/${installationId}/${digest}/${revision}`;

/** Whose code may share a worker process with it. */
export const cordonOf = ({ tenantId, digest }: InstallationStateData, cordon: Cordon): string =>
  cordon === 'tenant' ? tenantId : `${tenantId}/${digest}`;
