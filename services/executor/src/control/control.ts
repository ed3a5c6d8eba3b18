import { decodeEvent, type Bus, type States } from '@mortise/bus';
import { Control, type ControlData, type ExecutorStateDto } from '@mortise/contracts';
import type { Sandbox } from '@mortise/sandbox';
import type { Running } from '../executions/running.js';
import { unitKey } from '../executions/unit.js';
import type { SecretCache } from '../secrets/secret-cache.js';

export interface ControlParts {
  running: Running;
  sandbox: Sandbox;
  secrets: SecretCache;
  states: States;
  report: () => ExecutorStateDto;
}

/** Hears `control`: what state will say anyway, sooner. */
export function takeControl(bus: Bus, parts: ControlParts): void {
  bus.consume({
    topic: 'control',
    solo: true,
    from: 'latest',
    handler: async (record) => {
      const { data } = decodeEvent(Control, record);
      if (data.action === 'report') bus.reply(record, Buffer.from(JSON.stringify(parts.report())));
      else obey(data, parts);
    },
  });
}

function obey({ action, target, reason }: ControlData, { running, sandbox, secrets }: ControlParts): void {
  switch (action) {
    case 'kill':
      running.kill(target, 'cancelled', reason);
      return;
    case 'quarantine':
      running.killWhere((run) => run.digest === target, 'quarantined', reason);
      sandbox.evict((unit) => unit.digest === target);
      return;
    case 'reload':
      secrets.forget(target);
      sandbox.evict((unit) => unit.key.includes(`/${target}/`));
      return;
    case 'report':
    case 'forget-key':
      // Answered above; an API key, the gateway's business.
      return;
  }
}

/** Follows state: isolates of an earlier revision go, runs of a quarantined version stop. */
export function followState({ running, sandbox, secrets, states }: ControlParts): () => void {
  const stopInstallations = states.installations.onChange((id, now, before) => {
    if (!before || now?.revision === before.revision) return;
    if (now?.secretsRevision !== before.secretsRevision) secrets.forget(id);
    const gone = unitKey(before);
    sandbox.evict((unit) => unit.key === gone);
  });
  const stopPlugins = states.plugins.onChange((_id, now) => {
    for (const { digest, reason } of now?.quarantined ?? []) {
      running.killWhere((run) => run.digest === digest, 'quarantined', reason);
      sandbox.evict((unit) => unit.digest === digest);
    }
  });
  return () => {
    stopInstallations();
    stopPlugins();
  };
}
