import { InstallationState, PluginState, type EventDefinition } from '@mortise/contracts';
import type { Database } from '@mortise/database';
import { installationStates } from './installation-states.js';
import { pluginStates } from './plugin-state.js';

/** The state topics the registry owns, with all their rows: what `topics seed` writes. */
export const snapshot = (db: Database): { def: EventDefinition; rows: AsyncIterable<object> }[] => [
  { def: InstallationState as unknown as EventDefinition, rows: installationStates(db) },
  { def: PluginState as unknown as EventDefinition, rows: pluginStates((fn) => db.system(fn)) },
];
