import {
  InstallationState,
  PluginState,
  type InstallationStateData,
  type PluginStateData,
} from '@mortise/contracts';
import type { Bus } from './bus.js';
import type { StateTable } from './state-table.js';

/** What a service that runs or reaches plugins knows of the platform, in memory. */
export interface States {
  installations: StateTable<InstallationStateData>;
  plugins: StateTable<PluginStateData>;
}

/** Follows both; before `bus.start()`. */
export const openStates = (bus: Bus): States => ({
  installations: bus.state(InstallationState),
  plugins: bus.state(PluginState),
});

/** Why a version may not run, or undefined when it may. */
export const quarantineReason = (
  plugins: { get(id: string): PluginStateData | undefined },
  pluginId: string,
  digest: string,
): string | undefined =>
  plugins.get(pluginId)?.quarantined.find((version) => version.digest === digest)?.reason;
