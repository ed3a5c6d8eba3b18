import type { StateTable } from '@mortise/bus';
import type { InstallationStateData } from '@mortise/contracts';

/** Finds a tenant's installation by the name of its plugin; a tenant has a slug once. */
export class Installed {
  private readonly ids = new Map<string, string>();

  constructor(private readonly installations: StateTable<InstallationStateData>) {
    installations.onChange((id, now, before) => {
      if (before && this.ids.get(nameOf(before)) === id) this.ids.delete(nameOf(before));
      if (now && now.status !== 'uninstalled') this.ids.set(nameOf(now), id);
    });
  }

  /** @param plugin `slug` or `publisher/slug` */
  find(tenantId: string, plugin: string): InstallationStateData | undefined {
    const slash = plugin.indexOf('/');
    const slug = plugin.slice(slash + 1);
    const found = this.installations.get(this.ids.get(`${tenantId}/${slug}`) ?? '');
    return slash < 0 || found?.publisher === plugin.slice(0, slash) ? found : undefined;
  }
}

const nameOf = ({ tenantId, slug }: InstallationStateData): string => `${tenantId}/${slug}`;
