import { runService } from '@mortise/service-kit';
import { registryEnv } from './env.js';
import { start } from './start.js';

await runService(registryEnv, start);
