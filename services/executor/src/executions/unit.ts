import type { InstallationStateData } from '@mortise/contracts';

export type Cordon = 'tenant' | 'tier' | 'plugin';

/**
 * Names the isolate of an installation as it is now. The revision covers config, secrets, grants and reloads: after any
 * change the next run starts fresh, and nothing remembered from before survives it.
 */
export const unitKey = ({ tenantId, installationId, digest, revision }: InstallationStateData): string =>
  `${tenantId}/${installationId}/${digest}/${revision}`;

/**
 * Whose code may share a worker process with it. A tier is for verified code of several tenants; nothing is verified yet,
 * so everything is in the tier of its own tenant.
 */
export function cordonOf({ tenantId, digest }: InstallationStateData, cordon: Cordon): string {
  switch (cordon) {
    case 'plugin':
      return `${tenantId}/${digest}`;
    case 'tier':
    case 'tenant':
      return tenantId;
  }
}
