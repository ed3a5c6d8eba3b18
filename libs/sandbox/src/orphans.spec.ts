import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

/** A supervisor in a process of its own that says its workers' pids once one of them spins. */
const supervisor = `
  const { createServer } = await import('vite');
  const server = await createServer({
    configFile: false, logLevel: 'silent', optimizeDeps: { noDiscovery: true }, appType: 'custom',
    server: { middlewareMode: true, hmr: false, ws: false },
    ssr: { resolve: { conditions: ['source'] } }, resolve: { conditions: ['source'] },
  });
  const { Sandbox } = await server.ssrLoadModule(process.argv[1]);
  const sandbox = new Sandbox({ walls: process.argv[2], logger: { info() {}, warn() {}, error() {} } });
  await sandbox.start();
  const limits = { memoryMb: 64, timeoutMs: 60000, cpuMs: 60000, hostCalls: 10, hostCallsInFlight: 4, outputBytes: 1000, logLines: 10, logBytes: 1000 };
  const source = { filename: 'main.js', code: 'export const go = async (i, ctx) => { await ctx.storage.get("x"); for (;;); }' };
  const inside = new Promise((resolve) => {
    void sandbox.invoke({
      executionId: 'e', handler: 'go', input: 'null', context: '{}', limits, deadline: Date.now() + 60000,
      unit: { key: 'k', tenantId: 't', digest: 'd', cordon: 't', isolation: 'isolate', source },
      host: async () => { resolve(); return 'null'; }, log() {},
    });
  });
  await inside;
  console.log(JSON.stringify(sandbox.stats().workers.map((worker) => worker.pid)));
`;

const alive = (pid: number): boolean => {
  try {
    // A zombie has ended; only its parent has not looked yet.
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};

it.each(['prefer', 'off'])(
  'leaves no worker behind when the supervisor is killed while one spins (walls %s)',
  async (walls) => {
    const entry = fileURLToPath(new URL('./sandbox.ts', import.meta.url));
    const child = spawn(
      process.execPath,
      ['--no-node-snapshot', '--input-type=module', '-e', supervisor, entry, walls],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    const [line] = await new Promise<string[]>((resolve) =>
      createInterface(child.stdout).once('line', (text) => resolve([text])),
    );
    const pids = (JSON.parse(String(line)) as number[]).filter((pid) => pid > 0);
    expect(pids.length).toBeGreaterThan(0);
    expect(pids.every(alive)).toBe(true);

    child.kill('SIGKILL');

    await expect.poll(() => pids.filter(alive), { timeout: 2_000, interval: 10 }).toEqual([]);
  },
);
