import type { Manifest } from '@mortise/contracts';

/** Sections that are validated and stored, but that nothing acts on so far. */
const dormant = [
  'routes',
  'webhooks',
  'formulas',
  'tasks',
  'taskMiddleware',
  'lifecycle',
  'ui',
  'connections',
  'storage',
  'dependencies',
  'capabilities',
] as const satisfies readonly (keyof Manifest)[];

const isFilled = (section: object | undefined): boolean =>
  section !== undefined && Object.keys(section).length > 0;

/** Names of the manifest's sections that are kept but not run, for `warnings[]` of upload and activate. */
export const notRunYet = (manifest: Manifest): string[] => dormant.filter((name) => isFilled(manifest[name]));
