import { runService } from '@mortise/service-kit';
import { schedulerEnv } from './env.js';
import { start } from './start.js';

await runService(schedulerEnv, start);
