import { quarantineReason } from '@mortise/bus';
import type { InstallationStateData, PluginStateData } from '@mortise/contracts';

interface Plugins {
  get(id: string): PluginStateData | undefined;
}

/** Would an executor run it? It decides for itself; this saves it the commands it would refuse. */
export const isRunnable = (plugins: Plugins, installation: InstallationStateData | undefined): boolean =>
  installation?.status === 'active' &&
  quarantineReason(plugins, installation.pluginId, installation.digest) === undefined;
