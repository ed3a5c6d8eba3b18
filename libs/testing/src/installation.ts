import type { InstallationStateData } from '@mortise/contracts';
import { newId } from '@mortise/service-kit';

/** The state of an active installation of a plugin with one function `run`. */
export const installation = (over: Partial<InstallationStateData> = {}): InstallationStateData => ({
  installationId: newId(),
  tenantId: newId(),
  pluginId: newId(),
  versionId: newId(),
  publisher: 'acme',
  slug: 'sample',
  version: '1.0.0',
  digest: 'd'.repeat(64),
  status: 'active',
  revision: 1,
  configRevision: 0,
  secretsRevision: 0,
  config: {},
  grants: [],
  requested: [],
  secretKeys: [],
  limits: {},
  main: 'main.js',
  functions: { run: {} },
  events: [],
  jobs: [],
  isolation: 'isolate',
  ...over,
});
