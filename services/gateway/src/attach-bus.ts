import { decodeEvent, type Bus, type StateTable } from '@mortise/bus';
import {
  Control,
  InstallationState,
  PluginState,
  TenantState,
  type InstallationStateData,
  type PluginStateData,
} from '@mortise/contracts';
import type { Database } from '@mortise/database';
import type { Health } from '@mortise/service-kit';
import type { Credentials } from './credentials/credentials.js';
import { tenantStates } from './tenants/tenant-snapshot.js';

/** What the gateway knows of the other services' state. */
export interface KnownState {
  installations: StateTable<InstallationStateData>;
  plugins: StateTable<PluginStateData>;
}

/** Follows the state topics, answers for its own one, hears of revoked keys. Before bus.start(). */
export function attachBus(bus: Bus, db: Database, credentials: Credentials, health: Health): KnownState {
  const installations = bus.state(InstallationState);
  const plugins = bus.state(PluginState);
  bus.provideSnapshot(TenantState, () => tenantStates(db));
  bus.consume({
    topic: Control.topic,
    solo: true,
    from: 'latest',
    handler: async (record) => {
      const { action, target } = decodeEvent(Control, record).data;
      if (action === 'forget-key') credentials.forget(target);
    },
  });
  health.follow('bus', () => bus.ready());
  return { installations, plugins };
}
