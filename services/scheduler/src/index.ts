export { schedulerEnv, type SchedulerEnv } from './env.js';
export { migrations } from './migrations.js';
export { ScheduleLoop } from './schedules/schedule-loop.js';
export { start } from './start.js';
