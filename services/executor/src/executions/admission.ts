import {
  effectiveLimits,
  resolveFunction,
  type InstallationStateData,
  type Limits,
  type ManifestFunction,
  type PluginStateData,
  type Refusal,
  type TriggerKind,
} from '@mortise/contracts';
import { quarantineReason } from '@mortise/bus';

/** What will run, once everything says that it may. */
export interface Admitted {
  installation: InstallationStateData;
  /** Name in the manifest. */
  function: string;
  /** Name of the export. */
  handler: string;
  declared: ManifestFunction;
  limits: Limits;
}

export type Admission = { ok: true; admitted: Admitted } | { ok: false; refusal: Refusal };

interface Asked {
  tenantId: string;
  installationId: string;
  function: string | undefined;
  trigger: TriggerKind;
}
interface Known {
  installations: { get(id: string): InstallationStateData | undefined };
  plugins: { get(id: string): PluginStateData | undefined };
}

const refuse = (code: Refusal['code'], details: Record<string, unknown>): Admission => ({
  ok: false,
  refusal: { code, details },
});

/** May this installation's function run now, and under which limits? */
export function admit(known: Known, asked: Asked): Admission {
  const installation = known.installations.get(asked.installationId);
  // Another tenant's installation is none at all.
  if (!installation || installation.tenantId !== asked.tenantId || installation.status === 'uninstalled')
    return refuse('INSTALLATION_NOT_FOUND', { installation: asked.installationId });
  const reason = quarantineReason(known.plugins, installation.pluginId, installation.digest);
  if (reason !== undefined) return refuse('QUARANTINED', { reason });
  if (installation.status !== 'active') return refuse('NOT_ACTIVE', { status: installation.status });

  const found = resolveFunction(installation.functions, installation.defaultFunction, asked.function);
  if (!found.ok || !callable(found.fn, asked.trigger)) return notFound(installation, asked);
  const kind = asked.trigger === 'job' || asked.trigger === 'task' ? asked.trigger : 'call';
  return {
    ok: true,
    admitted: {
      installation,
      function: found.name,
      handler: found.handler,
      declared: found.fn,
      // The function's own limits are the more specific ones.
      limits: effectiveLimits({ ...installation.limits, ...found.fn.limits }, kind),
    },
  };
}

/** Callers of the API reach what is not exposed otherwise; other plugins only what is exposed to them. */
function callable({ expose }: ManifestFunction, trigger: TriggerKind): boolean {
  if (trigger === 'plugin') return expose?.includes('plugins') ?? false;
  return trigger !== 'call' || (expose?.includes('api') ?? true);
}

const notFound = (installation: InstallationStateData, asked: Asked): Admission =>
  refuse('FUNCTION_NOT_FOUND', {
    function: asked.function ?? installation.defaultFunction ?? 'execute',
    functions: Object.entries(installation.functions)
      .filter(([, fn]) => callable(fn, asked.trigger === 'plugin' ? 'plugin' : 'call'))
      .map(([name]) => name)
      .join(', '),
  });
