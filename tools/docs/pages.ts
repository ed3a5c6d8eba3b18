import {
  errors,
  eventCatalogue,
  hostEventTypes,
  errorDefinition,
  intake,
  limitKeeping,
  limitTable,
  permissions,
  reservedEventNamespaces,
  rightsOf,
  roleNames,
  route,
  routeNames,
  routePath,
  timeoutTable,
  topic,
  topicNames,
} from '@mortise/contracts';
import { executorEnv } from '@mortise/executor';
import { asyncApiDocument, dtoSchemas, gatewayEnv, openApiDocument, type Schema } from '@mortise/gateway';
import { registryEnv } from '@mortise/registry';
import { schedulerEnv } from '@mortise/scheduler';
import { describeEnv, type EnvRow, type EnvSpec } from '@mortise/service-kit';
import { standaloneEnv } from '@mortise/standalone';
import { code, page, table } from './markdown.ts';
import { metricsPage } from './metrics-page.ts';

/** Every generated page, by file name in docs/reference. */
export const referencePages = (): Record<string, string> => ({
  'env.md': envPage(),
  'errors.md': errorsPage(),
  'events.md': eventsPage(),
  'limits.md': limitsPage(),
  'metrics.md': metricsPage(),
  'permissions.md': permissionsPage(),
  'routes.md': routesPage(),
  'asyncapi.json': `${JSON.stringify(asyncApiDocument(), null, 2)}\n`,
  'openapi.json': `${JSON.stringify(openApiDocument(), null, 2)}\n`,
});

function envPage(): string {
  const specs: [string, EnvSpec<Parameters<typeof describeEnv>[0]['fields']>][] = [
    ['`make start`', standaloneEnv],
    ['gateway', gatewayEnv],
    ['registry', registryEnv],
    ['scheduler', schedulerEnv],
    ['executor', executorEnv],
  ];
  const head = ['name', 'value', 'default', 'what it does'];
  const row = (entry: EnvRow) => [
    code(entry.name) + (entry.secret ? ' (secret)' : ''),
    entry.kind,
    entry.default === 'required' || entry.default === 'none' || entry.default === 'hidden'
      ? entry.default
      : code(entry.default),
    entry.describe + (isTelling(entry) ? `; e.g. ${code(entry.example)}` : ''),
  ];
  return page(
    'Environment',
    'Read once at start. A wrong value, or a misspelt setting of ours, stops the start and is named with an example; the value itself is never printed. In containers every secret may also be given as `NAME_FILE`, the path of a file that holds it.',
    ...specs.flatMap(([name, spec]) => [`## ${name}`, table(head, describeEnv(spec).map(row))]),
  );
}

/** Choices and numbers say themselves what they look like. */
const isTelling = ({ kind, example }: EnvRow) =>
  example !== 'text' && !kind.includes('|') && !kind.startsWith('whole number') && kind !== 'true or false';

const errorsPage = () =>
  page(
    'Errors',
    'Answers are problems (RFC 9457, `application/problem+json`) with one of these codes in `code`. Codes are stable. Retry: may the same request succeed later, unchanged?',
    table(
      ['code', 'status', 'retry', 'detail'],
      Object.entries(errors).map(([name, { status, retry, text }]) => [
        code(name),
        String(status),
        retry ? 'yes' : 'no',
        text,
      ]),
    ),
  );

function eventsPage(): string {
  const schemas = dtoSchemas();
  const retention = (name: (typeof topicNames)[number]) => {
    const { cleanup, retentionHours } = topic(name);
    if (cleanup === 'compact') return 'the last record of each key';
    return retentionHours > 24 ? `${retentionHours / 24} days` : `${retentionHours} h`;
  };
  return page(
    'Events and topics',
    'Events travel as CloudEvents 1.0, binary mode: attributes in `ce_` headers, the payload as JSON. Schema version in `dataschema`; extensions `tenantid`, `partitionkey`, `traceparent`, `causationid`, `sequence`. The same for machines: [asyncapi.json](asyncapi.json), which a running server also serves at `/asyncapi.json`.',
    '## Topics',
    'Real names carry the prefix `MORTISE_TOPIC_PREFIX`. Durable: `publish` resolves when the record is safe.',
    table(
      ['topic', 'partitions', 'kept', 'durable'],
      topicNames.map((name) => [
        code(name),
        String(topic(name).partitions),
        retention(name),
        topic(name).durable ? 'yes' : 'no',
      ]),
    ),
    '## Events',
    ...Object.values(eventCatalogue).map((event) =>
      [
        `### ${event.type}`,
        `Topic ${code(event.topic)}, version ${event.version}${event.external ? ', for others to consume' : ''}. Payload ${code(event.data.name)} ([a record](../../libs/contracts/samples/${event.type}.v${event.version}.json)):`,
        payloadTable(schemas[event.data.name]),
      ].join('\n\n'),
    ),
    '## Host events',
    'Plugins may subscribe to these without anybody declaring them first; other services publish them to `platform-events`.',
    hostEventTypes.map((type) => `- ${code(type)}`).join('\n'),
    `Plugins cannot emit under: ${[...reservedEventNamespaces].sort().map(code).join(', ')}.`,
  );
}

const payloadTable = (schema: Schema | undefined) =>
  table(
    ['field', 'type', 'required'],
    Object.entries(schema?.properties ?? {}).map(([name, property]) => [
      code(name),
      typeText(property),
      schema?.required?.includes(name) ? 'yes' : 'no',
    ]),
  );

function typeText(schema: Schema): string {
  const { $ref, items } = schema as { $ref?: string; items?: Schema };
  const choices = schema.enum as string[] | undefined;
  if ($ref) return code($ref.slice($ref.lastIndexOf('/') + 1));
  // What the generator makes of @IsISO8601: a date, or a date and time.
  if (schema.oneOf) return 'string (ISO 8601)';
  if (choices) return choices.map(code).join(' \u2223 ');
  if (schema.type === 'array') return `list of ${items ? typeText(items) : 'anything'}`;
  const type = Array.isArray(schema.type) ? schema.type.join(' or ') : (schema.type ?? 'anything');
  return typeof schema.format === 'string' ? `${type} (${schema.format})` : type;
}

function limitsPage(): string {
  const rows = [
    ...Object.entries(limitTable),
    ...Object.entries(timeoutTable).map(([kind, row]) => [`timeoutMs (${kind})`, row] as const),
  ].map(([name, row]) => [code(name), ...[row.default, row.tenantMax, row.operatorMax].map(number)]);
  return page(
    'Limits',
    'Of an execution or an installation. `cpuMs` is the timeout unless less is asked for. A manifest or an installation may ask for less, or for more up to the maximum of the tenant.',
    table(['limit', 'default', 'tenant may raise to', 'operator may raise to'], rows),
    '## How each is kept',
    'An error over a limit has `details` with `limit`, `value`, `used` and `raise`: what its author can do about it. `plugin.limit_exceeded` tells of each once for a run; of `cpuPercent` when it is passed; not of what only waits, `hostCallsInFlight` and `concurrency`.',
    table(
      ['limit', 'kept by', 'what becomes of the run', 'error', 'HTTP'],
      Object.entries(limitKeeping).map(([name, { keptBy, outcome, code: error }]) => [
        code(name),
        keptBy,
        outcome,
        error ? code(error) : '',
        error ? String(errorDefinition(error).status) : '',
      ]),
    ),
    '## What is taken in',
    table(
      ['limit', 'value'],
      Object.entries(intake).map(([name, value]) => [code(name), number(value)]),
    ),
  );
}

const number = (value: number) => value.toLocaleString('en-US');

function permissionsPage(): string {
  return page(
    'Permissions',
    'What a manifest may ask for. Implicit ones need no grant. Selectors narrow a permission; an unknown permission is refused at upload.',
    table(
      ['permission', 'what it allows', 'grant', 'selectors'],
      Object.entries(permissions).map(([name, { description, implicit, selectors = [] }]) => [
        code(name),
        description,
        implicit ? 'implicit' : 'needed',
        selectors.map(code).join(', '),
      ]),
    ),
    '## Roles of API keys',
    table(
      ['role', 'rights'],
      roleNames.map((role) => [code(role), [...rightsOf([role])].map(code).join(', ')]),
    ),
  );
}

function routesPage(): string {
  const right = (needed: string | null) => (needed === null ? 'any credential' : code(needed));
  return page(
    'Routes',
    'From the one route table (`libs/contracts/src/routes/table.ts`); bodies and answers stand in [openapi.json](openapi.json), which a running server also serves at `/openapi.json` and shows at `/docs`. Aliases are forgiving and older.',
    table(
      ['route', 'what it does', 'right', 'answered by', 'aliases'],
      routeNames.map((name) => {
        const row = route(name);
        return [
          code(`${row.method} ${routePath(name)}`),
          row.summary,
          right(row.right),
          row.owner,
          (row.aliases ?? []).map((alias) => code(`${alias.method} ${alias.path}`)).join(', '),
        ];
      }),
    ),
  );
}
