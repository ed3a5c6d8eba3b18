import {
  route,
  routeNames,
  routePath,
  type RouteAlias,
  type RouteDefinition,
  type RouteName,
} from '@mortise/contracts';

/** A row of the table at its canonical path or at one of its aliases. */
export interface Entrance {
  name: RouteName;
  row: RouteDefinition;
  method: RouteDefinition['method'];
  /** Template of the full path. */
  path: string;
  isAlias: boolean;
  /** Query parameters by the name they have here. */
  query?: RouteAlias['query'];
}

/** Every way into the platform, canonical ones first. */
export const entrances = (): Entrance[] =>
  routeNames.flatMap((name) => {
    const row = route(name);
    const canonical = { name, row, method: row.method, path: routePath(name), isAlias: false };
    return [canonical, ...(row.aliases ?? []).map((alias) => ({ name, row, ...alias, isAlias: true }))];
  });
