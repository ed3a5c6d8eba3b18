import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/**
 * Runs a TypeScript module of ours in a process of its own, with an IPC channel: what a test kills with -9. The
 * module's code runs at its top level.
 */
export function forkModule(module: URL, args: string[] = []): ChildProcess {
  const runner = fileURLToPath(new URL('./run-module.mjs', import.meta.url));
  return fork(runner, [fileURLToPath(module), ...args], {
    execArgv: ['--no-node-snapshot'],
    stdio: 'inherit',
  });
}
