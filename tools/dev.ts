// `make dev`: the platform, built and started again a moment after a source changed.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { watch } from 'node:fs';

const roots = ['libs', 'services', 'apps', 'packages', 'plugins'];
let child: ChildProcess | undefined;
let timer: NodeJS.Timeout | undefined;
let restarting = Promise.resolve();

function start(): void {
  child = spawn(process.execPath, ['--no-node-snapshot', 'apps/standalone/dist/main.js'], {
    stdio: 'inherit',
  });
}

async function stop(): Promise<void> {
  const running = child;
  if (!running || running.exitCode !== null || running.signalCode !== null) return;
  const gone = new Promise((done) => running.once('exit', done));
  running.kill('SIGTERM');
  await gone;
}

async function restart(): Promise<void> {
  const { status } = spawnSync('make', ['--no-print-directory', 'build'], { stdio: 'inherit' });
  // What does not build leaves the last good one running.
  if (status !== 0) return;
  await stop();
  start();
}

for (const root of roots) {
  watch(root, { recursive: true }, (_event, name) => {
    if (!name || /(^|\/)(dist|node_modules)\//.test(name) || !/\.(ts|js|sql|json|ya?ml|html)$/.test(name))
      return;
    clearTimeout(timer);
    timer = setTimeout(() => (restarting = restarting.then(restart)), 200);
  });
}
process.once('SIGINT', () => void stop().then(() => process.exit(0)));
process.once('SIGTERM', () => void stop().then(() => process.exit(0)));
start();
