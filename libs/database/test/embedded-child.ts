// A Mortise with a PostgreSQL of its own, for tests to kill. With `unguarded` nothing stops PostgreSQL after it.
import { readFileSync } from 'node:fs';
import { startEmbeddedPostgres } from '../src/embedded/start.js';

const [dataDir = '', guard] = process.argv.slice(3);
const { url } = await startEmbeddedPostgres({ dataDir });
if (guard === 'unguarded') {
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .map(Number);
  for (const pid of children)
    if (readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('/bin/sh')) process.kill(pid, 'SIGKILL');
}
process.send?.(url);
// Listening keeps the process alive until it is killed.
process.on('message', () => {});
