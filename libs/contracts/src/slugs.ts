import { route, routeNames } from './routes/table.js';

const staticSegments = routeNames
  .flatMap((name) => [route(name).path, ...(route(name).aliases ?? []).map((alias) => alias.path)])
  .flatMap((path) => path.split('/'))
  .filter((segment) => segment !== '' && !segment.startsWith('{'));

/**
 * Slugs no plugin or tenant may have: static segments of the route table (they win over `{plugin}`), names the
 * platform keeps for itself, and JavaScript's own property names.
 */
export const reservedSlugs: ReadonlySet<string> = new Set([
  ...staticSegments,
  ...['admin', 'api', 'ext', 'health', 'internal', 'console', 'static', 't'],
  ...[
    'upload',
    'install',
    'search',
    'stats',
    'sync',
    'sources',
    'marketplace',
    'validate',
    'test-event',
    'registry',
  ],
  ...Object.getOwnPropertyNames(Object.prototype).flatMap((name) => [name, name.toLowerCase()]),
  ...['prototype', 'then'],
]);
