import type { StateTable } from '@mortise/bus';
import type { InstallationStateData, PluginStateData } from '@mortise/contracts';
import { AppError } from '@mortise/service-kit';
import { Target } from './target.js';

/** What can be executed, by id and by the names of its plugin; follows the state topics. */
export class Targets {
  private readonly targets = new Map<string, Target>();
  private readonly byName = new Map<string, string>();

  constructor(
    installations: StateTable<InstallationStateData>,
    private readonly plugins: StateTable<PluginStateData>,
  ) {
    for (const state of installations.values()) this.take(state);
    installations.onChange((_id, now, before) => {
      if (before) this.drop(before, now !== undefined);
      if (now) this.take(now);
    });
  }

  /** @throws AppError INSTALLATION_NOT_FOUND, for another tenant's installation too */
  find(tenantId: string, id: string): Target {
    const target = this.targets.get(id);
    if (!target || target.state.tenantId !== tenantId)
      throw new AppError('INSTALLATION_NOT_FOUND', { installation: id });
    return target;
  }

  /**
   * @param plugin id, publisher/slug or slug
   * @throws AppError INSTALLATION_NOT_FOUND
   */
  findByPlugin(tenantId: string, plugin: string): Target {
    const id = this.byName.get(nameIn(tenantId, plugin));
    if (id === undefined) throw new AppError('INSTALLATION_NOT_FOUND', { installation: `of ${plugin}` });
    return this.find(tenantId, id);
  }

  /** @throws AppError NOT_ACTIVE, QUARANTINED */
  assertRunnable({ state }: Target): void {
    const quarantined = this.plugins.get(state.pluginId)?.quarantined;
    if (quarantined && quarantined.length > 0) {
      const found = quarantined.find((version) => version.digest === state.digest);
      if (found) throw new AppError('QUARANTINED', { reason: found.reason });
    }
    if (state.status !== 'active') throw new AppError('NOT_ACTIVE', { status: state.status });
  }

  private take(state: InstallationStateData): void {
    if (state.status === 'uninstalled') return this.drop(state, false);
    const known = this.targets.get(state.installationId);
    if (known) known.update(state);
    else this.targets.set(state.installationId, new Target(state));
    for (const name of namesOf(state)) this.byName.set(name, state.installationId);
  }

  private drop(state: InstallationStateData, comesBack: boolean): void {
    // A target that only changed keeps the count of its calls under way.
    if (!comesBack) this.targets.delete(state.installationId);
    for (const name of namesOf(state))
      if (this.byName.get(name) === state.installationId) this.byName.delete(name);
  }
}

const nameIn = (tenantId: string, plugin: string) => `${tenantId} ${plugin.toLowerCase()}`;
const namesOf = (state: InstallationStateData) =>
  [state.pluginId, `${state.publisher}/${state.slug}`, state.slug].map((name) =>
    nameIn(state.tenantId, name),
  );
