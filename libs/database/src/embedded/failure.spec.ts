import { expect, it } from 'vitest';
import { explainFailure } from './failure.js';

it.each([
  [
    ['FATAL:  could not extend file "base/1": No space left on device', 'Aborted'],
    'The disk that holds /data is full',
  ],
  [['Error: ENOSPC: no space left on device, write'], 'The disk that holds /data is full'],
  [['FATAL:  lock file "postmaster.pid" already exists'], 'Another PostgreSQL is using /data'],
  [['initdb: error: could not access directory "/data": Permission denied'], 'may not write to /data'],
  [['postgres: error while loading shared libraries: libxml2.so.2'], 'does not run on this machine'],
  [
    ['setpriv: failed to execute /native/bin/postgres: Permission denied'],
    'does not run on this machine (setpriv: failed to execute',
  ],
  [['error: spawn /native/bin/postgres ENOENT'], 'run "npm ci"'],
  [
    ['LOG:  starting', 'FATAL:  data directory "/data" has invalid permissions'],
    '(data directory "/data" has invalid permissions)',
  ],
  [[], 'PostgreSQL did not come up in /data:'],
])('turns %j into one sentence', (lines, sentence) => {
  const { message } = explainFailure('/data', lines);

  expect(message).toContain(sentence);
  expect(message).not.toContain('\n');
});
