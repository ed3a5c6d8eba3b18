/**
 * Rights are `resource:action` strings, as plugin permissions are. A route names the right it needs; a credential's
 * roles give rights. Further roles (reviewer, publisher, developer, member, auditor) are rows of this table.
 */
export const rights = [
  'plugins:read',
  'plugins:publish',
  'installations:read',
  'installations:manage',
  'installations:execute',
  'executions:read',
  'executions:cancel',
  'events:publish',
  'jobs:run',
  'secrets:write',
  'quarantine:manage',
  'dead-letters:manage',
  'executors:read',
  'tenants:manage',
  'apikeys:manage',
] as const;
export type Right = (typeof rights)[number];

const tenantRights: readonly Right[] = [
  'plugins:read',
  'plugins:publish',
  'installations:read',
  'installations:manage',
  'installations:execute',
  'executions:read',
  'executions:cancel',
  'events:publish',
  'jobs:run',
  'secrets:write',
];

export const roles = {
  'platform-admin': [
    'plugins:read',
    'quarantine:manage',
    'dead-letters:manage',
    'executors:read',
    'tenants:manage',
    'apikeys:manage',
  ],
  'tenant-admin': tenantRights,
} as const satisfies Record<string, readonly Right[]>;

export type Role = keyof typeof roles;
export const roleNames = Object.keys(roles) as Role[];
export const rightsOf = (held: readonly Role[]): ReadonlySet<Right> =>
  new Set(held.flatMap((role) => roles[role] as readonly Right[]));

/** Who is asking. Made by the gateway from the credential, signed for internal HTTP, trusted inside. */
export interface Principal {
  tenantId: string;
  tenantSlug: string;
  roles: Role[];
  /** Whose credential it is: `key:<prefix>` for an API key. */
  subject: string;
  requestId: string;
}
