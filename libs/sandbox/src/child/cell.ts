import { cpuMsOf, releaseInstance, type Engine, type Instance, type Isolate, type Tell } from './engine.js';
import type { PluginCode, SourceFile } from './plugin-code.js';
import type { Stock } from './stock.js';
import { isWasm, type WasmCode } from './wasm-code.js';

export interface UnitSource extends SourceFile {
  memoryMb: number;
  isolation: 'isolate' | 'execution';
  /** Its runs enter one by one: one that entered with others had to be stopped. */
  apart?: boolean;
}

/** What all cells of a worker are made with. */
export interface Workshop {
  engine: Engine;
  stock: Stock;
  plugins: PluginCode;
  wasm: WasmCode;
  tell: Tell;
}

/** One run inside the worker. */
export interface Run {
  no: number;
  cell: Cell;
  instance: Instance | undefined;
  deadline: number;
  /** Were other runs under way in this process when it was sent here? */
  shared: boolean;
  /** It may have ended a worker: it enters by itself. */
  alone: boolean;
  cpuMs: number;
  cpuUsedMs: number;
  /** Of its longest entry. */
  longestMs: number;
  timeoutMs: number;
  /** Host calls without an answer plus timers: while it is above zero something will wake the run. */
  pending: number;
  timers: Map<number, NodeJS.Timeout> | undefined;
  /** Promises rejected with nobody to handle it. */
  rejections: number;
  hostCalls: number;
  startedAt: number;
  bytesIn: number;
}

/** Of WebAssembly memory that may wait in an isolate to be collected. */
const leftMbAtMost = 24;

/** One isolate with what runs in it. Spoilt by a run that had to be stopped: it then only finishes what it has. */
export class Cell {
  readonly runs = new Map<number, Run>();
  readonly isolate: Isolate;
  readonly unit: UnitSource;
  spoilt = false;
  /** Runs that ended by themselves; a cell with few of them is entered with care. */
  settled = 0;
  /** Runs in a row that ended by themselves with no long entry. */
  quickRuns = 0;
  /** The sum over its runs. */
  pending = 0;
  heapMb = 0;
  /** Memory of a WebAssembly module, which is not in the heap. */
  outsideMb = 0;
  #leftMb = 0;
  #heapReadAt = 0;
  #cpuSeenMs = 0;
  #blank: Instance | undefined;
  #shared: Instance | undefined;
  readonly #workshop: Workshop;

  constructor(workshop: Workshop, unit: UnitSource) {
    this.#workshop = workshop;
    this.unit = unit;
    const { isolate, instance } = workshop.stock.take(unit.memoryMb);
    this.isolate = isolate;
    this.#blank = instance;
    this.cpuSinceMs();
  }

  /** The context a run uses; loading it counts as the run's own time. */
  instance(timeoutMs: number): Instance {
    if (this.unit.isolation === 'execution') return this.#make(timeoutMs);
    return (this.#shared ??= this.#make(timeoutMs));
  }

  /** Processor time of the isolate since this was asked last, and of this process for it. */
  cpuSinceMs(): number {
    const asked = this.#workshop.engine.takeAsked();
    const seenMs = this.#cpuSeenMs;
    const askedMs = asked ? asked.isolateMs - seenMs + asked.sinceMs : 0;
    if (this.isolate.isDisposed) return askedMs;
    this.#cpuSeenMs = cpuMsOf(this.isolate);
    return asked ? askedMs : this.#cpuSeenMs - seenMs;
  }

  wait(run: Run, change: 1 | -1): void {
    run.pending += change;
    this.pending += change;
  }

  /** Heap as last seen; looked at no more often than each 50 ms, since looking costs as much as a small call. */
  sampleHeap(now: number): number {
    if (now - this.#heapReadAt > 50 && !this.isolate.isDisposed) {
      this.#heapReadAt = now;
      const heap = this.isolate.getHeapStatisticsSync();
      this.heapMb = Math.max(this.heapMb, (heap.used_heap_size + heap.externally_allocated_size) / 1_048_576);
    }
    return this.heapMb + this.outsideMb;
  }

  /** A module's instance was let go of, with its memory: there until it is collected, which may be long. */
  leave(bytes: number): void {
    this.#leftMb += bytes / 1_048_576;
    // Nothing but the end of an isolate gives such memory back at once.
    if (this.#leftMb > leftMbAtMost) this.spoilt = true;
  }

  forget(run: Run): void {
    if (!this.runs.delete(run.no)) return;
    this.pending -= run.pending;
    if (run.timers) for (const timer of run.timers.values()) clearTimeout(timer);
    if (this.unit.isolation === 'execution' && run.instance && !this.isolate.isDisposed) {
      releaseInstance(run.instance);
      this.leave(this.outsideMb * 1_048_576);
    }
    if (this.spoilt && this.runs.size === 0) this.dispose();
  }

  /** Keeps V8's code of the plugin for the isolates of it that follow. */
  keepCode(): void {
    if (this.spoilt || this.isolate.isDisposed || isWasm(this.unit)) return;
    try {
      this.#workshop.plugins.compile(this.isolate, this.unit);
    } catch {
      // The plugin keeps so much that there is no memory left for it: V8 may have thrown the isolate away.
      this.spoilt = true;
      if (this.runs.size === 0) this.dispose();
    }
    this.cpuSinceMs();
  }

  dispose(): void {
    if (!this.isolate.isDisposed) this.isolate.dispose();
  }

  #make(timeoutMs: number): Instance {
    const { engine, plugins, wasm, tell } = this.#workshop;
    const instance = this.#blank ?? engine.instance(this.isolate, tell);
    this.#blank = undefined;
    engine.until = Date.now() + timeoutMs;
    (isWasm(this.unit) ? wasm : plugins).load(this.isolate, instance, this.unit, timeoutMs);
    return instance;
  }
}
