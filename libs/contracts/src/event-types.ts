/** Host events that plugins may subscribe to without anybody declaring them first. */
export const hostEventTypes = [
  'auth.user.created',
  'auth.user.updated',
  'auth.user.deleted',
  'payments.subscription.created',
  'payments.subscription.updated',
  'files.uploaded',
  'files.deleted',
  'builder.generated',
  'build.completed',
  'analytics.rollup.completed',
  'record.created',
  'record.updated',
  'record.deleted',
] as const;

/** First segments that belong to the host or the platform; a plugin cannot emit or provide events under them. */
export const reservedEventNamespaces: ReadonlySet<string> = new Set([
  ...hostEventTypes.map((type) => type.slice(0, type.indexOf('.'))),
  'plugin',
  'installation',
  'grant',
  'execution',
  'security',
  'health',
  'schedule',
  'webhook',
  'source',
  'tenant',
  'mortise',
]);

export const isReservedEventType = (type: string): boolean =>
  reservedEventNamespaces.has(type.split('.', 1)[0] ?? '');

/** `*` stands for exactly one segment, a trailing `*` for one or more. */
export function matchesEventPattern(pattern: string, type: string): boolean {
  const want = pattern.split('.');
  const have = type.split('.');
  if (want.at(-1) === '*' ? have.length < want.length : have.length !== want.length) return false;
  return want.every((segment, index) => segment === '*' || segment === have[index]);
}

/** How many events may cause one another before the chain is cut. */
export const maxCausationDepth = 8;
/** Events that may descend from one event: what a plugin that answers each event with ten comes to is cut here. */
export const maxChainEvents = 100;
