// A sandbox without the services around it, as the thing under measure.
import { effectiveLimits } from '@mortise/contracts';
import {
  Sandbox,
  type Invocation,
  type SandboxOptions,
  type SandboxResult,
  type SandboxStats,
} from '@mortise/sandbox';

/** 100 B of JSON. */
export const input =
  '{"id":"evt_1","a":{"b":1},"name":"hello world 12345","tags":["a","b"],"when":"2026-11-21T00:00:00Z"}';
export const echo = 'export const go = async (input) => input;';

const limits = effectiveLimits({ timeoutMs: 5_000, concurrency: 1_024 }, 'call');
const quiet = { info() {}, warn() {}, error() {} };

export interface Call {
  host?: Invocation['host'];
  /** The tenant too. */
  cordon?: string;
  idempotent?: boolean;
}

export interface Ground {
  /** Runs `go` of the code once, in the worker of its cordon. @throws Error when it does not succeed */
  go: (code: string, call?: Call) => Promise<SandboxResult>;
  stats: () => SandboxStats;
}

export async function withSandbox<T>(
  work: (ground: Ground) => Promise<T>,
  options: Partial<SandboxOptions> = {},
): Promise<T> {
  const sandbox = new Sandbox({ walls: 'prefer', logger: quiet, ...options });
  await sandbox.start();
  let runs = 0;
  const nothing = () => Promise.resolve('null');
  const go: Ground['go'] = async (code, { host = nothing, cordon = 'acme', idempotent } = {}) => {
    const executionId = `run-${++runs}`;
    const result = await sandbox.invoke({
      executionId,
      unit: {
        key: cordon === 'acme' ? code : `${cordon} ${code}`,
        tenantId: cordon,
        digest: code,
        cordon,
        isolation: 'isolate',
        source: { filename: 'main.js', code },
      },
      handler: 'go',
      input,
      context: JSON.stringify({ tenantId: 'acme', config: {}, executionId }),
      limits,
      deadline: Date.now() + limits.timeoutMs,
      ...(idempotent && { idempotent }),
      host,
      log() {},
    });
    const { status, error } = result;
    if (status !== 'succeeded') throw new Error(`${status}: ${error?.message ?? ''}`);
    return result;
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
