import { runService } from '@mortise/service-kit';
import { executorEnv } from './env.js';
import { start } from './start.js';

await runService(executorEnv, start);
