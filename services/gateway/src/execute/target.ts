import {
  effectiveLimits,
  resolveFunction,
  type InstallationStateData,
  type ResolvedFunction,
} from '@mortise/contracts';

/** An installation as the hot path needs it: computed once per revision, not once per call. */
export class Target {
  /** Calls of this installation under way on this gateway. */
  inFlight = 0;
  /** The most there may be. */
  concurrency = 0;
  private resolved = new Map<string | undefined, Resolved>();

  constructor(private current: InstallationStateData) {
    this.update(current);
  }

  get state(): InstallationStateData {
    return this.current;
  }

  update(state: InstallationStateData): void {
    this.current = state;
    this.concurrency = effectiveLimits(state.limits, 'call').concurrency;
    this.resolved = new Map();
  }

  /** Which function a call means and how long it may take; the known names when it means none. */
  resolve(asked: string | undefined): Resolved {
    const known = this.resolved.get(asked);
    if (known) return known;
    const found = resolveFunction(this.current.functions, this.current.defaultFunction, asked);
    if (!found.ok) return found;
    const { timeoutMs } = effectiveLimits({ ...this.current.limits, ...found.fn.limits }, 'call');
    const resolved = { ...found, timeoutMs };
    // Only names that exist are kept, so a caller cannot fill the memory with others.
    this.resolved.set(asked, resolved);
    return resolved;
  }
}

export type Resolved =
  | (Extract<ResolvedFunction, { ok: true }> & { timeoutMs: number })
  | Extract<ResolvedFunction, { ok: false }>;
