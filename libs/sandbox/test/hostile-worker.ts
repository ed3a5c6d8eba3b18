import { spawn, type ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import { effectiveLimits } from '@mortise/contracts';
import { until } from '@mortise/testing';
import { FrameWriter, frameType } from '../src/child/frames.js';
import { Flight } from '../src/flight.js';
import { createLauncher, type Launcher } from '../src/launch.js';
import type { Invocation, Kill, SandboxResult } from '../src/types.js';
import { Worker } from '../src/worker.js';

export interface Heard {
  result: SandboxResult;
  /** How often it landed. */
  times: number;
}

/** A worker process that says exactly what a test hands it and hears nothing: what an attacker has who owns one. */
export class HostileWorker {
  readonly worker: Worker;
  readonly kills: Kill[] = [];
  readonly heard = new Map<number, Heard>();
  readonly calls: [number, string, string][] = [];
  readonly logs: [number, unknown][] = [];
  readonly #gone = Promise.withResolvers<void>();
  #child!: ChildProcess;
  #said = 0;

  private constructor(launcher: Launcher) {
    const mouthpiece: Launcher = {
      ...launcher,
      spawn: (mark) =>
        (this.#child = spawn('/bin/sh', ['-c', 'exec cat >&3'], {
          stdio: ['pipe', 'ignore', 'ignore', 'pipe', mark],
        })),
      started: (pid) => pid,
    };
    this.worker = new Worker(mouthpiece, 64, {
      idle() {},
      dying() {},
      held() {},
      gone: () => this.#gone.resolve(),
      killed: (kill) => this.kills.push(kill),
    });
  }

  static async start(launcher: Launcher): Promise<HostileWorker> {
    const hostile = new HostileWorker(launcher);
    // Killed, it hears no more of what the test wants it to say.
    hostile.#child.stdin?.on('error', () => {});
    hostile.says((writer) => writer.send(0, frameType.ready, '1'));
    await hostile.worker.ready;
    hostile.worker.bind({ key: 't', cordon: 't', lane: 'fast' }, Date.now());
    return hostile;
  }

  /** Gives it runs; the first gets number 1. */
  give(runs: number, host: Invocation['host'] = () => Promise.resolve('"an answer"')): void {
    const limits = { ...effectiveLimits({ timeoutMs: 60_000 }, 'call'), outputBytes: 1_024 };
    for (let no = 1; no <= runs; no++) {
      const invocation: Invocation = {
        executionId: `run-${no}`,
        unit: { key: `u${no}`, tenantId: 't', digest: 'd', cordon: 't', isolation: 'isolate' },
        ...{ handler: 'go', input: '1', context: '{}', limits, deadline: Date.now() + 60_000 },
        host: (op, args) => {
          this.calls.push([no, op, args]);
          return host(op, args);
        },
        log: (line) => this.logs.push([no, line]),
      };
      const flight = new Flight(invocation, Date.now(), (of, landing) => {
        const times = (this.heard.get(no)?.times ?? 0) + 1;
        this.heard.set(no, { result: of.result(Date.now(), landing), times });
      });
      this.worker.send(flight, { filename: 'main.js', code: 'x' }, Date.now());
    }
  }

  says(frames: (writer: FrameWriter) => void): void {
    const writer = new FrameWriter((bytes) => this.saysBytes(bytes));
    frames(writer);
    writer.flush();
  }

  saysBytes(bytes: Buffer): void {
    this.#said += bytes.length;
    this.#child.stdin?.write(bytes);
  }

  /** It falls silent for ever, once all it said is heard. */
  async hangsUp(): Promise<void> {
    const heard = this.#child.stdio[3] as unknown as Socket;
    await until(() => this.worker.dead || heard.bytesRead === this.#said, 'all it said is heard');
    this.#child.stdin?.end();
    await this.#gone.promise;
  }
}

export const launcher = (): Launcher => createLauncher({ walls: 'off' });
