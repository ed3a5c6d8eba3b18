import { deadLetterRoutes } from './dead-letters.js';
import type { RouteDefinition } from './define.js';
import { executionRoutes } from './executions.js';
import { executorRoutes } from './executors.js';
import { installationRoutes } from './installations.js';
import { platformRoutes } from './platform.js';
import { pluginRoutes } from './plugins.js';
import { quarantineRoutes } from './quarantine.js';
import { triggerRoutes } from './triggers.js';
import { waitingRoutes } from './waiting.js';

/** The one route table. Canonical routes are strict, aliases forgiving; OpenAPI and proxying come from it. */
export const routes = {
  ...pluginRoutes,
  ...installationRoutes,
  ...executionRoutes,
  ...triggerRoutes,
  ...quarantineRoutes,
  ...deadLetterRoutes,
  ...waitingRoutes,
  ...executorRoutes,
  ...platformRoutes,
} as const satisfies Record<string, RouteDefinition>;

export type RouteName = keyof typeof routes;
export const routeNames = Object.keys(routes) as RouteName[];
/** A row, typed as the interface rather than as its literals. */
export const route = (name: RouteName): RouteDefinition => routes[name];
/** Full canonical path of a row, parameters as `{name}`. */
export const routePath = (name: RouteName): string => `/api/v1${routes[name].path}`;
