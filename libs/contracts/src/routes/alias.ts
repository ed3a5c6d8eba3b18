import type { Method, RouteAlias } from './define.js';

/** Another way to reach a route; `query` renames parameters. */
export const alias = (method: Method, path: string, query?: RouteAlias['query']): RouteAlias => ({
  method,
  path,
  ...(query ? { query } : {}),
});
