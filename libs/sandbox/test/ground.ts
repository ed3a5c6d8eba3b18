import { effectiveLimits } from '@mortise/contracts';
import { Sandbox } from '../src/sandbox.js';
import type { Invocation, SandboxOptions, SandboxResult, Unit, WorkerStats } from '../src/types.js';

export const quiet = { info() {}, warn() {}, error() {} };

export interface Call {
  code: string;
  tenant?: string;
  input?: unknown;
  timeoutMs?: number;
  idempotent?: boolean;
  revision?: number;
  host?: Invocation['host'];
  log?: Invocation['log'];
  killed?: Invocation['killed'];
}

/** A started sandbox of a test's own, and short words for what tests do with it. */
export class Ground {
  readonly sandbox: Sandbox;
  #count = 0;

  private constructor(options: Partial<SandboxOptions>) {
    this.sandbox = new Sandbox({ walls: 'prefer', logger: quiet, ...options });
  }

  static async start(options: Partial<SandboxOptions> = {}): Promise<Ground> {
    const ground = new Ground(options);
    await ground.sandbox.start();
    return ground;
  }

  unit({ code, tenant = 'acme', revision = 1 }: Call): Unit & { source: { filename: string; code: string } } {
    return {
      key: `${tenant}:${revision}:${code}`,
      tenantId: tenant,
      digest: code,
      cordon: tenant,
      isolation: 'isolate',
      source: { filename: 'main.js', code },
    };
  }

  go(call: Call): Promise<SandboxResult> {
    const limits = effectiveLimits({ timeoutMs: call.timeoutMs ?? 10_000, memoryMb: 64 }, 'call');
    return this.sandbox.invoke({
      executionId: `run-${++this.#count}`,
      unit: this.unit(call),
      handler: 'go',
      input: JSON.stringify(call.input ?? null),
      context: '{}',
      limits,
      deadline: Date.now() + limits.timeoutMs,
      ...(call.idempotent !== undefined && { idempotent: call.idempotent }),
      host: call.host ?? (() => Promise.resolve('null')),
      log: call.log ?? (() => {}),
      ...(call.killed && { killed: call.killed }),
    });
  }

  /** Workers bound to a tenant, those that drain included. */
  workers(tenant: string): WorkerStats[] {
    return this.sandbox.stats().workers.filter(({ cordon }) => cordon === tenant);
  }

  worker(tenant: string, lane: 'fast' | 'slow' = 'fast'): WorkerStats | undefined {
    return this.workers(tenant).find((worker) => worker.lane === lane && !worker.draining);
  }

  spares(): WorkerStats[] {
    return this.sandbox.stats().workers.filter(({ cordon, pid }) => cordon === null && pid > 0);
  }
}
