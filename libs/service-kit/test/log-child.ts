// Logs to the file named until the first lines must have been written, or ends at once.
import { setImmediate as turn } from 'node:timers/promises';
import { createLogger } from '../src/logger.ts';

const [file = '', end] = process.argv.slice(2);
const logger = createLogger({ service: 'test', level: 'info', file });
for (let line = 0; line < (end === 'at once' ? 1 : 1_000); line++) {
  logger.info({ line }, 'a fact');
  if (end !== 'at once') await turn();
}
process.exit(7);
