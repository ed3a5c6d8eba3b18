import type { ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import { constants } from 'node:os';
import { FrameReader, FrameWriter, frameType } from './child/frames.js';
import type { Launcher } from './launch.js';
import { MarkFile } from './mark-file.js';
import { ProcessProbe } from './proc.js';

/** What is heard of a worker process; nothing after it was killed but its end. */
export interface ProcessEvents {
  frame(id: number, type: number, payload: string): void;
  /** How many bytes a frame of a type may have. */
  mostBytes(type: number): number;
  /** It speaks what no worker of ours would. */
  garbled(why: string): void;
  ended(signal: NodeJS.Signals | null): void;
}

/** The signal that a shell's exit code stands for. */
const signalOf = (code: number | null): NodeJS.Signals | null => {
  const names = Object.entries(constants.signals) as [NodeJS.Signals, number][];
  return names.find(([, number]) => code === 128 + number)?.[0] ?? null;
};

/** One child process with its socket, its mark and the kernel's word on it. */
export class WorkerProcess {
  /** Of node itself; 0 until it has spoken. */
  pid = 0;
  dead = false;
  isReady = false;
  /** When it said something last, or was given something after a silence. Milliseconds since 1970. */
  heardAt = 0;
  /** Its memory before any plugin came. */
  startMb = 0;
  /** Resolves when it takes work, rejects when it ends before. */
  readonly ready: Promise<void>;
  readonly writer: FrameWriter;
  readonly mark: MarkFile;
  readonly #process: ChildProcess;
  readonly #socket: Socket;
  #probe: ProcessProbe | undefined;

  constructor(launcher: Launcher, events: ProcessEvents) {
    this.mark = new MarkFile(launcher.marks);
    this.#process = launcher.spawn(this.mark.fd);
    this.#socket = this.#process.stdio[3] as unknown as Socket;
    // Once a turn of the loop: what many callers asked for in one turn goes out in one write, which costs more than a call.
    this.writer = new FrameWriter((bytes) => this.#socket.write(bytes), setImmediate);
    const ready = Promise.withResolvers<void>();
    this.ready = ready.promise;
    this.ready.catch(() => {});
    const reader = new FrameReader(
      (id, type, payload) => {
        if (this.dead) return;
        if (type !== frameType.ready) return events.frame(id, type, payload);
        if (this.isReady || this.#process.pid === undefined) return;
        this.pid = launcher.started(this.#process.pid);
        this.#probe = new ProcessProbe(this.pid);
        this.startMb = this.#probe.rssMb();
        this.isReady = true;
        ready.resolve();
      },
      (type) => events.mostBytes(type),
    );
    this.#socket.on('data', (chunk: Buffer) => {
      if (this.dead) return;
      this.heardAt = Date.now();
      try {
        reader.push(chunk);
      } catch (error) {
        events.garbled(String(error));
      }
    });
    this.#socket.on('error', () => {});
    this.#process.on('error', (error) => ready.reject(error));
    this.#process.on('exit', (code, signal) => {
      ready.reject(new Error(`A worker process ended at its start (${signal ?? code})`));
      // Bubblewrap ends with a code for the signal that ended what it ran.
      events.ended(signal ?? signalOf(code));
    });
  }

  /** What it was told and has not read yet. */
  get unreadBytes(): number {
    return this.#socket.writableLength;
  }

  rssMb(): number {
    return this.#probe?.rssMb() ?? 0;
  }

  /** Ticks of processor time of all threads, and whether the main thread sleeps. */
  activity(): { cpuTicks: number; sleeping: boolean } {
    return this.#probe?.activity() ?? { cpuTicks: 0, sleeping: false };
  }

  kill(): void {
    if (this.dead) return;
    this.dead = true;
    // The inner process first: bubblewrap would report the end of its own.
    for (const pid of new Set([this.pid, this.#process.pid])) {
      try {
        if (pid) process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended by itself.
      }
    }
    this.#socket.destroy();
    this.mark.close();
    this.#probe?.close();
    this.#probe = undefined;
  }
}
