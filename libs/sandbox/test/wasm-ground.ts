import { effectiveLimits, type Limits } from '@mortise/contracts';
import { Sandbox } from '../src/sandbox.js';
import { sourceOf } from '../src/source.js';
import type { InspectResult, Invocation, LogEntry, SandboxResult } from '../src/types.js';
import { quiet } from './ground.js';

export interface WasmRun {
  handler?: string;
  input?: unknown;
  memoryMb?: number;
  timeoutMs?: number;
  limits?: Partial<Limits>;
  isolation?: 'isolate' | 'execution';
  config?: Record<string, unknown>;
  host?: Invocation['host'];
  logs?: LogEntry[];
}

/** A sandbox of a test's own that runs modules. */
export class WasmGround {
  readonly sandbox = new Sandbox({ walls: 'prefer', logger: quiet });
  #count = 0;

  run(module: Buffer, run: WasmRun = {}): Promise<SandboxResult> {
    const { timeoutMs = 2_000, memoryMb = 64, isolation = 'isolate', logs } = run;
    const limits = { ...effectiveLimits({ timeoutMs, memoryMb }, 'call'), ...run.limits };
    const source = sourceOf('dist/main.wasm', module);
    return this.sandbox.invoke({
      executionId: `run-${++this.#count}`,
      unit: {
        key: `${memoryMb}:${isolation}:${source.code}`,
        tenantId: 'acme',
        digest: 'd'.repeat(64),
        cordon: 'acme',
        isolation,
        source,
      },
      handler: run.handler ?? 'go',
      input: JSON.stringify(run.input ?? null),
      context: JSON.stringify({ tenantId: 'acme', config: run.config ?? {} }),
      limits,
      deadline: Date.now() + limits.timeoutMs,
      host: run.host ?? (() => Promise.resolve('null')),
      log: (line) => logs?.push(line),
    });
  }

  inspect(module: Buffer, ...names: string[]): Promise<InspectResult> {
    return this.sandbox.inspect(sourceOf('dist/main.wasm', module), names, 'acme');
  }
}
