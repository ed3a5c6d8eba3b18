// A sandbox without the services around it, as the thing under measure.
import { effectiveLimits } from '@mortise/contracts';
import { Sandbox, type Invocation, type SandboxStats } from '@mortise/sandbox';

/** 100 B of JSON. */
export const input =
  '{"id":"evt_1","a":{"b":1},"name":"hello world 12345","tags":["a","b"],"when":"2026-11-21T00:00:00Z"}';
export const echo = 'export const go = async (input) => input;';

const limits = effectiveLimits({ timeoutMs: 5_000, concurrency: 1_024 }, 'call');
const quiet = { info() {}, warn() {}, error() {} };

export interface Ground {
  /** Runs `go` of the code once, always in the same worker. @throws Error when it does not succeed */
  go: (code: string, host?: Invocation['host']) => Promise<void>;
  stats: () => SandboxStats;
}

export async function withSandbox<T>(work: (ground: Ground) => Promise<T>): Promise<T> {
  const sandbox = new Sandbox({ walls: 'prefer', logger: quiet });
  await sandbox.start();
  let runs = 0;
  const go: Ground['go'] = async (code, host = () => Promise.resolve('null')) => {
    const executionId = `run-${++runs}`;
    const { status, error } = await sandbox.invoke({
      executionId,
      unit: {
        key: code,
        tenantId: 'acme',
        digest: 'd'.repeat(64),
        cordon: 'acme',
        isolation: 'isolate',
        source: { filename: 'main.js', code },
      },
      handler: 'go',
      input,
      context: JSON.stringify({ tenantId: 'acme', config: {}, executionId }),
      limits,
      deadline: Date.now() + limits.timeoutMs,
      host,
      log() {},
    });
    if (status !== 'succeeded') throw new Error(`${status}: ${error?.message ?? ''}`);
  };
  try {
    return await work({ go, stats: () => sandbox.stats() });
  } finally {
    await sandbox.close();
  }
}

/** A plugin of about so many bytes, all of it defined at load and little of it used; no two are the same text. */
export function bundle(bytes: number, no: number): string {
  let code = `/* ${no} */ ${echo}\n`;
  for (let i = 0; code.length < bytes; i++) {
    code += `function f${i}(a, b) { const x = { a, b, i: ${i} }; return Object.keys(x).map((k) => k + x[k]).join(",") }\n`;
  }
  return code;
}
