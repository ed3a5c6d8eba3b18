import type { ManifestFunction } from './manifest.js';

export type ResolvedFunction =
  { ok: true; name: string; handler: string; fn: ManifestFunction } | { ok: false; functions: string[] };

/**
 * Which function a call means: the one it names, else the manifest's `default`, else the only one exposed to the API,
 * else `execute`. A function without `expose` is exposed to the API.
 */
export function resolveFunction(
  functions: Record<string, ManifestFunction>,
  defaultFunction: string | undefined,
  asked: string | undefined,
): ResolvedFunction {
  const exposed = Object.entries(functions).filter(([, fn]) => fn.expose?.includes('api') ?? true);
  const name = asked ?? defaultFunction ?? (exposed.length === 1 ? exposed[0]?.[0] : undefined) ?? 'execute';
  const fn = Object.hasOwn(functions, name) ? functions[name] : undefined;
  if (!fn) return { ok: false, functions: Object.keys(functions) };
  return { ok: true, name, handler: fn.handler ?? name, fn };
}
