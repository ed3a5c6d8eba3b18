import { runService } from '@mortise/service-kit';
import { gatewayEnv } from './env.js';
import { start } from './start.js';

await runService(gatewayEnv, start);
