import {
  AcceptedDto,
  errors,
  InstallAliasBody,
  OlderExecuteAnswer,
  UploadDto,
  type RouteDefinition,
  type RouteName,
} from '@mortise/contracts';
import { entrances, type Entrance } from '../proxy/entrances.js';
import { dtoSchemas, reachable, type Schema } from './schemas.js';

/** An OpenAPI 3.1 description, as far as this file writes one. */
export interface OpenApiDocument {
  openapi: '3.1.0';
  info: { title: string; version: string; description: string };
  servers: { url: string }[];
  security: Record<string, string[]>[];
  tags: { name: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: Record<string, Record<string, unknown>>;
}

export interface Operation {
  operationId: string;
  tags: string[];
  summary: string;
  description?: string;
  deprecated?: true;
  security?: [];
  parameters: Parameter[];
  requestBody?: { required: boolean; content: Record<string, { schema: Schema }> };
  responses: Record<string, unknown>;
}

interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  required: boolean;
  description?: string;
  schema: Schema;
}

const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });
const multipart: Schema = {
  type: 'object',
  required: ['file'],
  properties: { file: { type: 'string', contentMediaType: 'application/octet-stream' } },
};

/** The description of the whole HTTP API, from the route table and the DTO classes. */
export function openApiDocument(): OpenApiDocument {
  const all = dtoSchemas();
  const used = new Set<string>([InstallAliasBody.name, AcceptedDto.name, UploadDto.name]);
  const paths: OpenApiDocument['paths'] = {};
  const seen = new Map<string, number>();
  for (const entrance of entrances()) {
    const count = (seen.get(entrance.name) ?? 0) + 1;
    seen.set(entrance.name, count);
    const id = entrance.isAlias ? `${entrance.name}.alias${count - 1}` : entrance.name;
    const { body, answer, pageOf, listOf } = entrance.row;
    for (const dto of [body, answer, pageOf, listOf]) if (dto) used.add(dto.name);
    const item = (paths[entrance.path] ??= {});
    item[entrance.method.toLowerCase()] = operation(id, entrance, all);
  }
  const tags = [...new Set(entrances().map(({ name }) => tagOf(name)))];
  return {
    openapi: '3.1.0',
    info: {
      title: 'Mortise',
      version: '0.1.0',
      description:
        'Publish, install and run plugins. Errors are problems (RFC 9457) with a stable `code`; lists are pages with a cursor.',
    },
    servers: [{ url: '/' }],
    security: [{ apiKey: [] }],
    tags: tags.map((name) => ({ name })),
    paths,
    components: {
      securitySchemes: {
        apiKey: { type: 'http', scheme: 'bearer', description: 'An API key: `mk_...`' },
      },
      schemas: {
        ...reachable(all, used),
        PageLinks: pageLinksSchema,
        Problem: problemSchema,
        FieldError: fieldErrorSchema,
      },
      responses: {
        Problem: {
          description: 'What went wrong',
          content: { 'application/problem+json': { schema: ref('Problem') } },
        },
      },
    },
  };
}

const tagOf = (name: string) => name.split('.', 1)[0] ?? name;

function operation(
  id: string,
  { name, row, path, isAlias, query = {} }: Entrance,
  all: Record<string, Schema>,
): Operation {
  const status = row.status ?? 200;
  return {
    operationId: id,
    tags: [tagOf(name)],
    summary: row.summary,
    ...(row.right && row.right !== 'public' ? { description: `Needs the right \`${row.right}\`.` } : {}),
    ...(isAlias ? { deprecated: true as const } : {}),
    ...(row.right === 'public' ? { security: [] as [] } : {}),
    parameters: [...pathParameters(path), ...queryParameters(row, all, query), ...headerParameters(name)],
    ...bodyOf(name, row, isAlias),
    responses: {
      [status]:
        status === 204 ? { description: 'Done' } : answer(row.summary, shapeOf(row), mediaTypes[name]),
      ...otherAnswers[name],
      default: { $ref: '#/components/responses/Problem' },
    },
  };
}

/** The schema of a row's usual answer. */
function shapeOf({ answer: one, pageOf, listOf }: RouteDefinition): Schema {
  const item = pageOf ?? listOf;
  if (!item) return one ? ref(one.name) : { type: 'object' };
  return {
    type: 'object',
    required: pageOf ? ['data', 'page'] : ['data'],
    properties: {
      data: { type: 'array', items: ref(item.name) },
      ...(pageOf && { page: ref('PageLinks') }),
    },
  };
}

const answer = (description: string, schema: Schema, types: readonly string[] = ['application/json']) => ({
  description,
  content: Object.fromEntries(
    types.map((type) => [type, { schema: type === 'application/json' ? schema : { type: 'string' } }]),
  ),
});

/** The systems before this one told by their own shape what became of a run; the status is ours. */
const olderOutcomes = Object.fromEntries(
  [403, 409, 422, 504, 507].map((status) => [
    status,
    {
      description: 'The run did not succeed, or the call was refused',
      content: {
        'application/json': { schema: ref(OlderExecuteAnswer.name) },
        'application/problem+json': { schema: ref('Problem') },
      },
    },
  ]),
);

/** Answers beside the usual one and the problems. */
const otherAnswers: Partial<Record<RouteName, Record<string, unknown>>> = {
  'plugins.upload': {
    200: answer('The same bytes were published before: this is that version', ref(UploadDto.name)),
  },
  'plugins.execute': olderOutcomes,
  'installations.execute': { 202: answer('Queued (Prefer: respond-async)', ref(AcceptedDto.name)) },
};

const logTypes = ['application/json', 'text/event-stream'];
/** Answers that are not, or not only, JSON. */
const mediaTypes: Partial<Record<RouteName, readonly string[]>> = {
  'versions.package': ['application/octet-stream'],
  'installations.logs': logTypes,
  'plugins.logs': logTypes,
  'executions.logs': logTypes,
};

const pathParameters = (path: string): Parameter[] =>
  [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    ...(name === 'plugin' ? { description: 'Id, publisher/slug (URL-encoded) or slug where unique' } : {}),
    schema: { type: 'string' },
  }));

function queryParameters(
  row: RouteDefinition,
  all: Record<string, Schema>,
  renamed: Readonly<Record<string, string>>,
): Parameter[] {
  const older = new Map(Object.entries(renamed).map(([here, there]) => [there, here]));
  const schema = row.query ? all[row.query.name] : undefined;
  return Object.entries(schema?.properties ?? {}).map(([name, property]) => ({
    name: older.get(name) ?? name,
    in: 'query',
    required: schema?.required?.includes(name) ?? false,
    schema: property,
  }));
}

const conditional = new Set(['installations.update', 'installations.configure']);
function headerParameters(name: string): Parameter[] {
  const header = (header: string, description: string, required = false): Parameter => ({
    name: header,
    in: 'header',
    required,
    description,
    schema: { type: 'string' },
  });
  if (conditional.has(name)) return [header('If-Match', 'The ETag of the config you read', true)];
  if (name === 'installations.execute')
    return [header('Prefer', '`respond-async` queues the execution and answers 202')];
  return [];
}

/** An alias takes older bodies too: its schema says no more than that it is an object. */
function bodyOf(name: RouteName, row: RouteDefinition, isAlias: boolean): Pick<Operation, 'requestBody'> {
  if (name === 'plugins.install') return { requestBody: { required: true, content: olderInstall(isAlias) } };
  if (row.bodyType === 'multipart/form-data')
    return { requestBody: { required: true, content: { [row.bodyType]: { schema: multipart } } } };
  if (!row.body && !row.bodyType) return {};
  const schema = row.body && !isAlias ? ref(row.body.name) : { type: 'object' };
  return {
    requestBody: { required: true, content: { [row.bodyType ?? 'application/json']: { schema } } },
  };
}

/** The older way installs by JSON; at its canonical path a package as multipart is an upload. */
const olderInstall = (isAlias: boolean): Record<string, { schema: Schema }> => ({
  'application/json': { schema: ref(InstallAliasBody.name) },
  ...(isAlias ? {} : { 'multipart/form-data': { schema: multipart } }),
});

const pageLinksSchema: Schema = {
  type: 'object',
  required: ['next', 'prev', 'limit'],
  properties: {
    next: { type: ['string', 'null'], description: 'Cursor of the next page; null on the last' },
    prev: { type: ['string', 'null'], description: 'Cursor of the page before; null on the first' },
    limit: { type: 'integer' },
  },
};

const fieldErrorSchema: Schema = {
  type: 'object',
  required: ['pointer', 'message'],
  properties: {
    pointer: { type: 'string', description: 'JSON pointer (RFC 6901) into the body or file' },
    message: { type: 'string' },
    rule: { type: 'string' },
    file: { type: 'string' },
    line: { type: 'integer' },
    column: { type: 'integer' },
    frame: { type: 'string' },
  },
};

const problemSchema: Schema = {
  type: 'object',
  required: ['type', 'title', 'status', 'detail', 'code'],
  properties: {
    type: { type: 'string', format: 'uri' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    instance: { type: 'string' },
    code: { type: 'string', enum: Object.keys(errors) },
    errors: { type: 'array', items: ref('FieldError') },
    traceId: { type: 'string' },
    details: { type: 'object' },
    executionId: { type: 'string', format: 'uuid', description: 'Problems of executions' },
  },
};
