import type { Bus, StateTable } from '@mortise/bus';
import {
  InstallationState,
  PluginState,
  type InstallationStateData,
  type PluginStateData,
} from '@mortise/contracts';

/** What the scheduler knows of the platform, in memory. */
export interface States {
  installations: StateTable<InstallationStateData>;
  plugins: StateTable<PluginStateData>;
}

export const openStates = (bus: Bus): States => ({
  installations: bus.state(InstallationState),
  plugins: bus.state(PluginState),
});

interface Plugins {
  get(id: string): PluginStateData | undefined;
}

/** Would an executor run it? It decides for itself; this saves it the commands it would refuse. */
export const isRunnable = (plugins: Plugins, installation: InstallationStateData | undefined): boolean =>
  installation?.status === 'active' &&
  !plugins.get(installation.pluginId)?.quarantined.some((version) => version.digest === installation.digest);
