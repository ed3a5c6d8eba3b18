import { matchesEventPattern, type InstallationStateData } from '@mortise/contracts';
import type { States } from '@mortise/bus';
import { isRunnable } from '../state/runnable.js';

export interface Match {
  installation: InstallationStateData;
  function: string;
}

/** Who wants to be called for which events: the active installations of each tenant, in memory. */
export class Subscriptions {
  private readonly byTenant = new Map<string, Map<string, InstallationStateData>>();

  constructor(private readonly states: States) {}

  /** Call before the bus starts: every change is heard. @returns ends the following */
  follow(): () => void {
    return this.states.installations.onChange((id, now, before) => {
      if (before) this.remove(before.tenantId, id);
      if (now && now.status === 'active' && now.events.length > 0) this.add(id, now);
    });
  }

  /** One match for each (installation, function), however many of its patterns fit. */
  matches(tenantId: string, type: string): Match[] {
    const matches: Match[] = [];
    for (const installation of this.byTenant.get(tenantId)?.values() ?? []) {
      const functions = new Set(
        installation.events
          .filter((event) => [event.on].flat().some((pattern) => matchesEventPattern(pattern, type)))
          .map((event) => event.function),
      );
      if (functions.size === 0 || !isRunnable(this.states.plugins, installation)) continue;
      for (const name of functions) matches.push({ installation, function: name });
    }
    return matches;
  }

  private add(id: string, installation: InstallationStateData): void {
    const own = this.byTenant.get(installation.tenantId) ?? new Map<string, InstallationStateData>();
    own.set(id, installation);
    this.byTenant.set(installation.tenantId, own);
  }

  private remove(tenantId: string, id: string): void {
    const own = this.byTenant.get(tenantId);
    own?.delete(id);
    if (own?.size === 0) this.byTenant.delete(tenantId);
  }
}
