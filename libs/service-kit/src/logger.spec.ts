import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let base: string;
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'mortise-log-'));
});
afterAll(() => rm(base, { recursive: true, force: true }));

const child = fileURLToPath(new URL('../test/log-child.ts', import.meta.url));

/** Exit code of a process that logs and then ends with 7. */
const logTo = async (...args: string[]) => (await once(fork(child, args), 'exit'))[0] as number;

describe('the log', () => {
  it('holds the last words of a process that ends at once', async () => {
    const file = join(base, 'log');
    const code = await logTo(file, 'at once');

    expect(code).toBe(7);
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({
      service: 'test',
      msg: 'a fact',
      line: 0,
    });
  });

  it.skipIf(!existsSync('/dev/full'))('on a full disk costs neither the process nor its end', async () => {
    expect(await logTo('/dev/full')).toBe(7);
  });
});
