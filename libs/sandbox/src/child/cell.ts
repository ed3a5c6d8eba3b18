import type ivmTypes from 'isolated-vm';
import { makeInstance, type Hooks, type Instance, type Ivm } from './engine.js';

export interface UnitSource {
  memoryMb: number;
  isolation: 'isolate' | 'execution';
  filename: string;
  code: string;
}

/** One run inside the worker. */
export interface Run {
  no: number;
  cell: Cell;
  instance: Instance | undefined;
  deadline: number;
  /** Were other runs under way in this process when it was sent here? */
  shared: boolean;
  cpuMs: number;
  cpuUsedMs: number;
  timeoutMs: number;
  /** Host calls without an answer plus timers: while it is above zero something will wake the run. */
  pending: number;
  timers: Map<number, NodeJS.Timeout> | undefined;
  hostCalls: number;
  startedAt: number;
  bytesIn: number;
}

/** One isolate with what runs in it. Spoilt by a run that had to be stopped: it then only finishes what it has. */
export class Cell {
  readonly runs = new Map<number, Run>();
  readonly isolate: ivmTypes.Isolate;
  readonly unit: UnitSource;
  spoilt = false;
  /** Runs that ended by themselves; a cell with few of them is entered with care. */
  settled = 0;
  heapMb = 0;
  #heapReadAt = 0;
  #shared: Instance | undefined;
  readonly #ivm: Ivm;
  readonly #hooks: Hooks;

  constructor(ivm: Ivm, unit: UnitSource, hooks: Hooks) {
    this.#ivm = ivm;
    this.#hooks = hooks;
    this.unit = unit;
    this.isolate = new ivm.Isolate({
      memoryLimit: Math.max(8, unit.memoryMb),
      // Nothing may go on in this process; the supervisor sees it end.
      onCatastrophicError: () => process.abort(),
    });
  }

  /** The context a run uses; loading it counts as the run's own time. */
  instance(timeoutMs: number): Instance {
    if (this.unit.isolation === 'execution') return this.#make(timeoutMs);
    return (this.#shared ??= this.#make(timeoutMs));
  }

  cpuMs(): number {
    return this.isolate.isDisposed ? 0 : Number(this.isolate.cpuTime) / 1e6;
  }

  get pending(): number {
    let pending = 0;
    for (const run of this.runs.values()) pending += run.pending;
    return pending;
  }

  /** Heap as last seen; looked at no more often than each 50 ms, since looking costs as much as a small call. */
  sampleHeap(now: number): number {
    if (now - this.#heapReadAt > 50 && !this.isolate.isDisposed) {
      this.#heapReadAt = now;
      const heap = this.isolate.getHeapStatisticsSync();
      this.heapMb = Math.max(this.heapMb, (heap.used_heap_size + heap.externally_allocated_size) / 1_048_576);
    }
    return this.heapMb;
  }

  forget(run: Run): void {
    this.runs.delete(run.no);
    if (run.timers) for (const timer of run.timers.values()) clearTimeout(timer);
    if (this.unit.isolation === 'execution' && run.instance && !this.isolate.isDisposed) {
      run.instance.context.release();
    }
    if (this.spoilt && this.runs.size === 0) this.dispose();
  }

  dispose(): void {
    if (!this.isolate.isDisposed) this.isolate.dispose();
  }

  #make(timeoutMs: number): Instance {
    return makeInstance(this.#ivm, this.isolate, this.#hooks, this.unit, timeoutMs);
  }
}
