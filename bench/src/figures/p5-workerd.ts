import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { deploy } from '../api.ts';
import { interleave, type Figure } from '../figure.ts';
import { httpRate } from '../http-rate.ts';
import { freePort, sharedPlatform } from '../platform.ts';

/** Fetched at first use: 100 MB that nothing but this figure needs. */
const version = '1.20261117.1';
const folder = resolve('.cache/workerd');
const platform = `workerd-${process.platform}-${process.arch === 'x64' ? '64' : process.arch}`;
const binary = join(folder, 'node_modules/@cloudflare', platform, 'bin/workerd');

const run = (command: string, args: string[]) =>
  new Promise<void>((done, failed) => {
    spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'] })
      .on('error', failed)
      .on('close', (code) => (code === 0 ? done() : failed(new Error(`${command} ended with ${code}`))));
  });

async function startWorkerd(): Promise<{ url: string; stop: () => Promise<void> }> {
  if (!existsSync(binary))
    await run('npm', [
      ...['install', '--prefix', folder, '--no-save', '--ignore-scripts', '--no-fund', '--no-audit'],
      `@cloudflare/${platform}@${version}`,
    ]);
  const home = await mkdtemp(join(tmpdir(), 'mortise-bench-workerd-'));
  const port = await freePort();
  await writeFile(
    join(home, 'echo.js'),
    `const run = (input) => input;
export default { async fetch(request) { const { input } = await request.json(); return Response.json({ result: await run(input) }); } };`,
  );
  await writeFile(
    join(home, 'config.capnp'),
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = (modules = [(name = "echo.js", esModule = embed "echo.js")], compatibilityDate = "2026-01-01"))],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")]
);`,
  );
  const child = spawn(binary, ['serve', join(home, 'config.capnp')], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const url = `http://127.0.0.1:${port}/`;
  const post = { method: 'POST', body: '{"input":1}' };
  while (
    !(await fetch(url, post).then(
      ({ ok }) => ok,
      () => false,
    ))
  ) {
    if (child.exitCode !== null) throw new Error('workerd did not start');
    await new Promise((next) => setTimeout(next, 20));
  }
  return {
    url,
    stop: async () => {
      child.kill('SIGKILL');
      await rm(home, { recursive: true, force: true });
    },
  };
}

export const besideWorkerd: Figure = {
  id: 'P5',
  what: 'HTTP execute, embedded, 16 callers',
  unit: 'req/s',
  reference: 'workerd running the same handler, no authentication, no records',
  target: '>= 2x',
  ok: ({ ratio }) => ratio >= 2,
  async measure() {
    const target = await sharedPlatform();
    const id = await deploy(target);
    const workerd = await startWorkerd();
    try {
      return await interleave(
        5,
        () =>
          httpRate(`${target.url}/api/v1/installations/${id}/execute`, {
            authorization: `Bearer ${target.key}`,
          }),
        () => httpRate(workerd.url),
      );
    } finally {
      await workerd.stop();
    }
  },
};
