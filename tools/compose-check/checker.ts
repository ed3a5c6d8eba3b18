// The real compose, built once from this folder's go.mod: `config` needs no engine and knows every key and its type.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const version = '2.40.3';
const root = join(import.meta.dirname, '..', '..');
const program = join(root, '.cache', `compose-${version}`, 'docker-compose');
const main = 'github.com/docker/compose/v2/cmd';

/** undefined: it is built or can be; otherwise what to install. */
export async function whatIsMissing(): Promise<string | undefined> {
  if (existsSync(program)) return undefined;
  return run('go', ['version']).then(
    () => undefined,
    () => 'docker-compose.yml is checked by compose itself, which go builds: install golang (1.24 or newer)',
  );
}

/** Runs `docker compose <args>` in the root of the checkout; the first time on a machine it is built (minutes). */
export async function compose(...args: string[]): Promise<string> {
  if (!existsSync(program)) await build();
  // Nothing of the environment: the file has to work without any setting.
  const { stdout } = await run(program, args, { cwd: root, env: {} });
  return stdout;
}

async function build(): Promise<void> {
  const draft = `${program}.new-${process.pid}`;
  await mkdir(dirname(program), { recursive: true });
  const flags = [
    '-trimpath',
    '-ldflags',
    `-s -w -X github.com/docker/compose/v2/internal.Version=v${version}`,
  ];
  await run('go', ['build', ...flags, '-o', draft, main], {
    cwd: import.meta.dirname,
    maxBuffer: 64 * 1_048_576,
  });
  await rename(draft, program);
}
