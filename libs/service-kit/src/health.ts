export interface HealthReport {
  ok: boolean;
  /** `ok`, or why not, by check. */
  checks: Record<string, string>;
  /** Facts without a verdict: walls in force, versions. */
  details: Record<string, unknown>;
}

/** What /readyz answers: every check must pass, details only inform. */
export class Health {
  private readonly checks = new Map<string, () => Promise<void> | void>();
  private readonly details = new Map<string, () => unknown>();
  private draining = false;

  /** @param verify throws or rejects with a short reason while not ready */
  check(name: string, verify: () => Promise<void> | void): void {
    this.checks.set(name, verify);
  }

  /** A check by what tells its state itself. */
  follow(name: string, read: () => { ok: boolean; detail: unknown }): void {
    this.detail(name, () => read().detail);
    this.check(name, () => {
      const { ok, detail } = read();
      if (!ok) throw new Error(typeof detail === 'string' ? detail : `not ready: ${JSON.stringify(detail)}`);
    });
  }

  detail(name: string, read: () => unknown): void {
    this.details.set(name, read);
  }

  /** From now on not ready: load balancers look elsewhere while what is in flight ends. */
  drain(): void {
    this.draining = true;
  }

  async report(): Promise<HealthReport> {
    const checks: Record<string, string> = this.draining ? { shutdown: 'draining' } : {};
    await Promise.all(
      [...this.checks].map(async ([name, verify]) => {
        checks[name] = await Promise.resolve()
          .then(verify)
          .then(
            () => 'ok',
            (error: unknown) => (error instanceof Error ? error.message : 'failed'),
          );
      }),
    );
    const details = Object.fromEntries([...this.details].map(([name, read]) => [name, read()]));
    return { ok: Object.values(checks).every((verdict) => verdict === 'ok'), checks, details };
  }
}
