import type { Run } from './cell.js';

export interface KnownLimits {
  text: string;
  cpuMs: number;
  timeoutMs: number;
}

/** A run that has come and not entered its isolate yet. */
export interface Arrived {
  run: Run;
  unitNo: number;
  limits: KnownLimits;
  handler: string;
  context: string;
  input: string;
}

const most = 16;
/** Runs of a plugin that come back at once before others wait for company. */
const provenAfterRuns = 20;
/** What is not back by then is begun anew, each run by itself and with all of its own time. */
export const togetherMs = 100;

/**
 * Runs of one turn that enter their isolate together: entering costs several times what a small run does. Nothing they
 * say is heeded before all are back. When one of them is stopped none has had any effect: their isolate is thrown away
 * and each is begun anew by itself, so that only the one that has to be stopped again is blamed.
 */
export class Together {
  #waiting: Arrived[] = [];

  get size(): number {
    return this.#waiting.length;
  }

  /** Can it wait for company? Only where its plugin has shown that it comes back at once. */
  takes({ run, limits }: Arrived): boolean {
    const { cell } = run;
    const { isolation, apart } = cell.unit;
    if (run.alone || apart || isolation === 'execution') return false;
    if (cell.spoilt || cell.quickRuns < provenAfterRuns) return false;
    const [first] = this.#waiting;
    return !first || (first.run.cell === cell && first.limits === limits);
  }

  /** @returns whether there is room for no more */
  add(arrived: Arrived): boolean {
    return this.#waiting.push(arrived) >= most;
  }

  take(): Arrived[] {
    const taken = this.#waiting;
    this.#waiting = [];
    return taken;
  }
}

/** As the bridge's `together` takes them. */
export function entryOfAll(arrived: readonly Arrived[], limitsText: string): unknown[] {
  const args: unknown[] = [limitsText];
  for (const { run, handler, context, input } of arrived) args.push(run.no, handler, context, input);
  return args;
}
