// Everything a machine can say about the style: format, types, rules, boundaries, cycles, unused code, the lock.
import { spawnSync } from 'node:child_process';

const checks: [name: string, command: string, ...args: string[]][] = [
  ['format', 'prettier', '--check', '--log-level', 'warn', '.'],
  ['types', 'tsc', '--noEmit', '-p', 'tsconfig.json'],
  ['rules', 'eslint', '--max-warnings', '0', '--cache', '--cache-location', '.cache/eslint', '.'],
  ['unused code', 'knip', '--no-progress', '--no-config-hints'],
];

// The boundary rule reads the project graph from Nx's cache.
spawnSync('nx', ['show', 'projects'], { stdio: 'ignore', env: { ...process.env, NX_DAEMON: 'false' } });

const failed = checks.filter(([name, command, ...args]) => {
  const started = performance.now();
  const { status } = spawnSync(command, args, {
    stdio: 'inherit',
    env: { ...process.env, NX_DAEMON: 'false' },
  });
  console.log(
    `${status === 0 ? 'ok    ' : 'failed'} ${name} (${((performance.now() - started) / 1000).toFixed(1)} s)`,
  );
  return status !== 0;
});

console.log(`${checks.length - failed.length} passed, ${failed.length} failed`);
process.exitCode = failed.length === 0 ? 0 : 1;
