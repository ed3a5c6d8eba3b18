import type { InstallationStateData } from '@mortise/contracts';
import type { RunRequest } from './request.js';

// The part that stays the same from run to run, without its closing brace; gone with the state it was made of.
const stable = new WeakMap<InstallationStateData, string>();

function stablePart(installation: InstallationStateData): string {
  const known = stable.get(installation);
  if (known !== undefined) return known;
  const { tenantId, installationId, pluginId, publisher, slug, version, config } = installation;
  const part = JSON.stringify({
    tenantId,
    installationId,
    plugin: { id: pluginId, publisher, slug, version },
    config,
  }).slice(0, -1);
  stable.set(installation, part);
  return part;
}

/** JSON text of what `ctx` holds as data: who runs, why, with which config. Never a credential. */
export function contextText(request: RunRequest, deadline: number): string {
  const run = {
    executionId: request.executionId,
    // The same over all attempts: what makes a plugin's own writes happen once.
    idempotencyKey: request.executionId,
    attempt: request.attempt,
    deadline,
    trigger: {
      kind: request.trigger,
      name: request.triggerName ?? request.admitted.function,
      eventId: request.causationId,
    },
    request: { context: request.context ?? {} },
  };
  return `${stablePart(request.admitted.installation)},${JSON.stringify(run).slice(1)}`;
}
