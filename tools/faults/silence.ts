import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { readState } from '../cluster/cluster.ts';
import type { Scene } from './scene.ts';

const run = promisify(execFile);

/** A request was never answered: writes down the state of every hop while it still hangs. @returns the file */
export async function capture({ folder }: Scene, what: string): Promise<string> {
  const state = await readState(folder);
  const parts = [`${new Date().toISOString()} ${what}`];
  for (const [name, url] of Object.entries(state?.services ?? {})) {
    const pid = state?.pids[name];
    const ready = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(3_000) }).then(
      async (answer) => `${answer.status} ${await answer.text()}`,
      (error: unknown) => String(error),
    );
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => 'gone');
    const log = await readFile(join(folder, 'logs', `${name}.log`), 'utf8').catch(() => '');
    parts.push(`== ${name} ${url} pid ${pid}\n${ready}\n${/State:.*/.exec(status)?.[0]}`, log.slice(-4_000));
  }
  const sockets = await run('ss', ['-tnpoi']).then(
    ({ stdout }) => stdout,
    () => readFile('/proc/net/tcp', 'utf8'),
  );
  parts.push('== sockets', sockets);
  const file = join(folder, 'silence', `${Date.now()}.txt`);
  await mkdir(join(folder, 'silence'), { recursive: true });
  await writeFile(file, parts.join('\n'));
  return file;
}
