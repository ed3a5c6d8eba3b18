import { routeNames, routePath, routes, type RouteDefinition } from '@mortise/contracts';
import { describe, expect, it } from 'vitest';
import { openApiDocument, type Operation } from './document.js';
import type { Schema } from './schemas.js';

type Content = Record<string, { schema: Schema }>;
const document = openApiDocument();
const operations = Object.values(document.paths).flatMap((item) => Object.values(item));

/** What the OpenAPI 3.1 schema asks of a document, for the parts this one has. */
function shapeProblems(): string[] {
  const problems: string[] = [];
  const say = (ok: unknown, what: string) => void (ok || problems.push(what));
  say(/^3\.1\.\d+$/.test(document.openapi), 'openapi version');
  say(document.info.title && document.info.version, 'info');
  for (const [path, item] of Object.entries(document.paths)) {
    say(path.startsWith('/'), `${path} starts with a slash`);
    for (const [method, operation] of Object.entries(item)) {
      const at = `${method} ${path}`;
      say(['get', 'put', 'post', 'delete', 'patch'].includes(method), `${at}: method`);
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const described = operation.parameters.filter((p) => p.in === 'path').map((p) => p.name);
      say(inPath.join() === described.join(), `${at}: path parameters`);
      for (const parameter of operation.parameters) {
        say(typeof parameter.schema === 'object', `${at}: schema of ${parameter.name}`);
        say(parameter.in !== 'path' || parameter.required, `${at}: ${parameter.name} is required`);
      }
      const named = operation.parameters.map((p) => `${p.in} ${p.name.toLowerCase()}`);
      say(new Set(named).size === named.length, `${at}: parameters are unique`);
      say(Object.keys(operation.responses).length > 0, `${at}: responses`);
      for (const status of Object.keys(operation.responses))
        say(/^([1-5]\d\d|default)$/.test(status), `${at}: status ${status}`);
    }
  }
  return problems;
}

describe('the OpenAPI document', () => {
  it('has the shape of OpenAPI 3.1', () => {
    expect(shapeProblems()).toEqual([]);
  });

  it('describes every row of the route table once and each alias as deprecated', () => {
    const canonical = operations.filter((operation) => !operation.deprecated);
    const aliases = operations.filter((operation) => operation.deprecated);

    expect(canonical.map(({ operationId }) => operationId).sort()).toEqual([...routeNames].sort());
    expect(aliases).toHaveLength(
      Object.values(routes).flatMap((row: RouteDefinition) => row.aliases ?? []).length,
    );
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length);
  });

  it('has a schema for the answer of every canonical route that answers JSON', () => {
    const bare = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.values(item)
        .filter(({ deprecated }) => !deprecated)
        .flatMap(({ operationId, responses }) =>
          Object.entries(responses)
            .map(([status, response]) => [status, (response as { content?: Content }).content] as const)
            .filter(([, content]) => content?.['application/json'])
            .filter(([, content]) => !/"\$ref"/.test(JSON.stringify(content?.['application/json'])))
            .map(([status]) => `${operationId} ${path} ${status}`),
        ),
    );

    expect(bare).toEqual([]);
  });

  it('says what may be null as a type of JSON Schema, and lists as pages', () => {
    const { ExecutionDto, PluginDto } = document.components.schemas as Record<string, Schema>;
    const list = document.paths['/api/v1/executions']?.get as Operation;

    expect(ExecutionDto?.properties).toMatchObject({
      startedAt: { type: ['string', 'null'], format: 'date-time' },
      error: { anyOf: [{ $ref: '#/components/schemas/ExecutionError' }, { type: 'null' }] },
      result: {},
    });
    expect(ExecutionDto?.required).toContain('result');
    expect(PluginDto?.required).toEqual(
      expect.arrayContaining(['id', 'slug', 'description', 'installation']),
    );
    expect(JSON.stringify(document)).not.toContain('nullable');
    expect((list.responses['200'] as { content: Content }).content['application/json']?.schema).toMatchObject(
      {
        properties: {
          data: { items: { $ref: '#/components/schemas/ExecutionDto' } },
          page: { $ref: '#/components/schemas/PageLinks' },
        },
      },
    );
  });

  it('resolves every reference it makes', () => {
    const refs = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/(\w+)\/(\w+)"/g)];
    const missing = refs.filter(([, kind = '', name = '']) => !document.components[kind]?.[name]);

    expect(refs.length).toBeGreaterThan(10);
    expect(missing.map(([ref]) => ref)).toEqual([]);
    expect(JSON.stringify(document)).not.toContain('#/definitions/');
  });

  it('says integer where the class says @IsInt, with its bounds', () => {
    const list = document.paths['/api/v1/executions']?.get as Operation;
    const limit = list.parameters.find(({ name }) => name === 'limit');

    expect(limit?.schema).toMatchObject({ type: 'integer', minimum: 1, maximum: 200 });
  });

  it('tells what else than JSON of the usual status may come and go', () => {
    const upload = document.paths[routePath('plugins.upload')]?.post as Operation;
    const install = document.paths[routePath('plugins.install')]?.post as Operation;
    const tail = document.paths[routePath('installations.logs')]?.get as Operation;
    const found = document.paths['/api/plugins/search']?.get as Operation;

    expect(Object.keys(upload.responses)).toEqual(['200', '201', 'default']);
    expect(Object.keys(install.requestBody?.content ?? {})).toEqual([
      'application/json',
      'multipart/form-data',
    ]);
    expect(Object.keys((tail.responses['200'] as { content: object }).content)).toContain(
      'text/event-stream',
    );
    expect(found.parameters.map(({ name }) => name)).toContain('q');
  });

  it('describes nested DTOs and bodies by reference', () => {
    const create = document.paths[routePath('installations.create')]?.post as Operation;

    expect(create.requestBody?.content['application/json']?.schema).toEqual({
      $ref: '#/components/schemas/InstallBody',
    });
    expect(document.components.schemas).toHaveProperty('GrantRequest');
  });
});
