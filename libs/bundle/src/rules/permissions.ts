import { isPermission, needsGrant, type Manifest } from '@mortise/contracts';
import { pointerTo } from '../manifest/text-problem.js';
import type { Finding, Rule } from './rule.js';

function* namedElsewhere(manifest: Manifest): Generator<{ permission: string; pointer: string }> {
  for (const [name, fn] of Object.entries(manifest.functions ?? {})) {
    for (const [index, permission] of (fn.permissions ?? []).entries()) {
      yield { permission, pointer: `${pointerTo('/functions', name)}/permissions/${index}` };
    }
  }
}

export const permissionRules: Rule[] = [
  {
    id: 'unknown-permission',
    what: 'permissions are in the catalogue; there are no wildcards',
    *check({ manifest }): Generator<Finding> {
      const unknown = (permission: string) =>
        `unknown permission "${permission}": see the reference of permissions`;
      for (const [at, { resource, actions }] of (manifest.permissions ?? []).entries()) {
        for (const [index, action] of actions.entries()) {
          const permission = `${resource}:${action}`;
          if (!isPermission(permission))
            yield { pointer: `/permissions/${at}/actions/${index}`, message: unknown(permission) };
        }
      }
      for (const { permission, pointer } of namedElsewhere(manifest)) {
        if (!isPermission(permission)) yield { pointer, message: unknown(permission) };
      }
    },
    holds: { permissions: [{ resource: 'records', actions: ['read', 'create'] }] },
    breaks: { permissions: [{ resource: 'records', actions: ['destroy'] }] },
  },
  {
    id: 'permission-not-requested',
    what: 'a function is narrowed to permissions that the plugin itself asks for',
    *check({ manifest }) {
      const requested = new Set(
        (manifest.permissions ?? []).flatMap(({ resource, actions }) =>
          actions.map((action) => `${resource}:${action}`),
        ),
      );
      for (const { permission, pointer } of namedElsewhere(manifest)) {
        if (!needsGrant(permission) || requested.has(permission)) continue;
        yield { pointer, message: `"${permission}" is not among the plugin's permissions: add it there` };
      }
    },
    holds: {
      functions: { x: { permissions: ['email:send'] } },
      permissions: [{ resource: 'email', actions: ['send'] }],
    },
    breaks: { functions: { x: { permissions: ['email:send'] } } },
  },
];
