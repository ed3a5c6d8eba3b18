import { ExecutorsDto } from '../http/executors.js';
import type { RouteDefinition } from './define.js';

/** What operators see of executors. */
export const executorRoutes = {
  'executor.state': {
    owner: 'gateway',
    method: 'GET',
    path: '/executor/state',
    right: 'executors:read',
    rate: 'read',
    answer: ExecutorsDto,
    summary: 'Every executor as it is now: workers, isolates, lanes, cordons, walls, queues',
  },
} as const satisfies Record<string, RouteDefinition>;
