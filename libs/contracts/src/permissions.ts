/** One permission a manifest may ask for, in wire form `resource:action`. No wildcards, no implied rights. */
export interface PermissionDefinition {
  description: string;
  /** Given to every installation without a grant: own log, config, storage, cache, declared secrets, own events. */
  implicit?: true;
  selectors?: readonly string[];
}

const crud = (noun: string, selectors: readonly string[]) => ({
  [`${noun}:read`]: { description: `Read ${noun}`, selectors },
  [`${noun}:create`]: { description: `Create ${noun}`, selectors },
  [`${noun}:update`]: { description: `Change ${noun}`, selectors },
  [`${noun}:delete`]: { description: `Delete ${noun}`, selectors },
  [`${noun}:write`]: { description: `Create, change and delete ${noun}`, selectors },
});

/** The catalogue. A manifest that names anything else is refused at upload. */
export const permissions: Readonly<Record<string, PermissionDefinition>> = {
  'storage:read': {
    description: "Read the installation's own key-value storage",
    implicit: true,
    selectors: ['collection'],
  },
  'storage:write': {
    description: "Write the installation's own key-value storage",
    implicit: true,
    selectors: ['collection'],
  },
  'cache:read': { description: "Read the installation's own cache", implicit: true },
  'cache:write': { description: "Write the installation's own cache", implicit: true },
  'secrets:read': {
    description: 'Read the secrets the manifest declares',
    implicit: true,
    selectors: ['keys'],
  },
  'events:publish': {
    description: "Publish events under the plugin's own names",
    implicit: true,
    selectors: ['types'],
  },
  'events:subscribe': {
    description: 'Be called for events of the declared types',
    implicit: true,
    selectors: ['types'],
  },
  'files:read': { description: "Read the tenant's files", selectors: ['prefix'] },
  'files:write': { description: "Write the tenant's files", selectors: ['prefix'] },
  'db:read': { description: "Query the plugin's collections", selectors: ['collections'] },
  'db:write': { description: "Change the plugin's collections", selectors: ['collections'] },
  ...crud('records', ['bases', 'tables', 'fields']),
  ...crud('fields', ['bases', 'tables']),
  ...crud('tables', ['bases']),
  ...crud('bases', []),
  ...crud('attachments', ['bases', 'tables']),
  ...crud('comments', ['bases', 'tables']),
  'http:request': { description: 'Call the hosts of network.allow', selectors: ['hosts'] },
  'email:send': { description: 'Send mail', selectors: ['domains'] },
  'llm:use': { description: 'Use a language model', selectors: ['models'] },
  'webhooks:emit': { description: 'Send outgoing webhooks' },
  'webhooks:create': { description: 'Create webhook endpoints' },
  'webhooks:delete': { description: 'Delete webhook endpoints' },
  'webhooks:read': { description: 'Read webhook endpoints and deliveries' },
  'tasks:enqueue': { description: 'Queue tasks', selectors: ['types'] },
  'tasks:cancel': { description: 'Cancel tasks', selectors: ['types'] },
  'tasks:read': { description: 'Read tasks', selectors: ['types'] },
  'jobs:run': { description: 'Run jobs now' },
  'plugins:call': { description: 'Call functions of other plugins', selectors: ['slugs', 'functions'] },
  'formulas:evaluate': { description: 'Evaluate formulas' },
  'ui:render': { description: 'Show widgets and pages', selectors: ['slots'] },
  'ui:update': { description: 'Update widgets and pages', selectors: ['slots'] },
  'dashboard.widget:create': { description: 'Put widgets on dashboards' },
  'metrics:read': { description: 'Read metrics' },
  'users:read': { description: 'Read users' },
  'audit:read': { description: 'Read the audit log' },
};

export const isPermission = (name: string): boolean => Object.hasOwn(permissions, name);
/** Needs a grant of the tenant's admin. */
export const needsGrant = (name: string): boolean => isPermission(name) && !permissions[name]?.implicit;
