export { schedulerEnv, type SchedulerEnv } from './env.js';
export { migrations } from './migrations.js';
export { start } from './start.js';
