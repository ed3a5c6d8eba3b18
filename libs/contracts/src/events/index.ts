import type { EventDefinition } from './define.js';
import { ExecuteInBackground } from '../commands.js';
import * as execution from './execution.js';
import * as installation from './installation.js';
import * as platform from './platform.js';
import * as plugin from './plugin.js';
import * as state from './state.js';

/** The event catalogue, by type. Boot refuses handlers of anything else, and events that nobody consumes. */
export const eventCatalogue: Readonly<Record<string, EventDefinition>> = Object.fromEntries(
  [
    plugin.PluginUploaded,
    plugin.PluginValidated,
    plugin.PluginQuarantined,
    plugin.PluginReleased,
    installation.InstallationInstalled,
    installation.InstallationConfigured,
    installation.InstallationActivated,
    installation.InstallationDeactivated,
    installation.InstallationUninstalled,
    installation.InstallationSuspended,
    installation.GrantGranted,
    installation.GrantRevoked,
    ...Object.values(execution.executionEvents),
    execution.ExecutionLogged,
    ExecuteInBackground,
    state.InstallationState,
    state.PluginState,
    state.TenantState,
    platform.SecurityViolation,
    platform.LimitExceeded,
    platform.ScheduleFired,
    platform.TenantCreated,
    platform.Control,
  ].map((event) => [event.type, event as unknown as EventDefinition]),
);
