import type { States } from '@mortise/bus';
import { effectiveLimits, type InstallationStateData } from '@mortise/contracts';
import type { Sandbox } from '@mortise/sandbox';
import type { Logger } from '@mortise/service-kit';
import { cordonOf, unitKey, type Cordon } from '../executions/unit.js';
import type { Sources } from './sources.js';

/** More activations than this at a time are not worth it: what is called first loads itself. */
const most = 256;

export interface PrewarmParts {
  sources: Pick<Sources, 'load'>;
  sandbox: Pick<Sandbox, 'warm'>;
  installations: Pick<States['installations'], 'onChange' | 'isCaughtUp'>;
  cordon: Cordon;
  /** Packages at a time; 0 loads none ahead. */
  atATime: number;
  logger: Logger;
}

/** Fetches and compiles what becomes active before its first call, beside the work and never ahead of it. */
export class Prewarm {
  private readonly waiting = new Map<string, InstallationStateData>();
  private loading = 0;
  private stopFollowing = () => {};

  constructor(private readonly parts: PrewarmParts) {}

  start(): void {
    const { installations, atATime } = this.parts;
    if (atATime === 0) return;
    this.stopFollowing = installations.onChange((id, now) => {
      // What was active before this process began is loaded when it is called: it may be thousands.
      if (!installations.isCaughtUp) return;
      if (now?.status !== 'active') return void this.waiting.delete(id);
      if (this.waiting.has(id) || this.waiting.size < most) this.waiting.set(id, now);
      this.next();
    });
  }

  close(): void {
    this.stopFollowing();
    this.waiting.clear();
  }

  private next(): void {
    while (this.loading < this.parts.atATime) {
      const [first] = this.waiting;
      if (!first) return;
      this.waiting.delete(first[0]);
      this.loading += 1;
      void this.load(first[1]).finally(() => {
        this.loading -= 1;
        this.next();
      });
    }
  }

  private async load(installation: InstallationStateData): Promise<void> {
    const { sources, sandbox, cordon, logger } = this.parts;
    try {
      const source = await sources.load(installation.digest, installation.main);
      const { tenantId, digest, isolation } = installation;
      const unit = {
        key: unitKey(installation),
        tenantId,
        digest,
        cordon: cordonOf(installation, cordon),
        isolation,
      };
      sandbox.warm(unit, source, memoryMbOf(installation));
    } catch (error) {
      // The first call tries again and says what is wrong.
      logger.debug({ err: error, digest: installation.digest }, 'a package was not loaded ahead');
    }
  }
}

/** An isolate keeps its limit for life: the highest that any of its functions has. */
function memoryMbOf({ limits, functions }: InstallationStateData): number {
  const own = Object.values(functions).map((fn) => fn.limits ?? {});
  const each = own.length > 0 ? own : [{}];
  return Math.max(...each.map((asked) => effectiveLimits({ ...limits, ...asked }, 'call').memoryMb));
}
