import type { Manifest } from '@mortise/contracts';
import { compileSchema, draft } from '../author-schema.js';
import { pointerTo } from '../manifest/text-problem.js';
import { patternProblem } from './pattern.js';
import type { Finding, Rule } from './rule.js';
import { costMax, everyPart, schemaCost } from './schema-cost.js';

/** Every JSON Schema an author wrote. */
function* authorSchemas(manifest: Manifest): Generator<{ schema: object; pointer: string }> {
  if (manifest.config) yield { schema: manifest.config, pointer: '/config' };
  for (const [name, { input, output }] of Object.entries(manifest.functions ?? {})) {
    if (input) yield { schema: input, pointer: `${pointerTo('/functions', name)}/input` };
    if (output) yield { schema: output, pointer: `${pointerTo('/functions', name)}/output` };
  }
  for (const [index, task] of (manifest.tasks ?? []).entries()) {
    for (const key of ['input', 'output']) {
      const schema = task[key] as object | undefined;
      if (schema) yield { schema, pointer: `/tasks/${index}/${key}` };
    }
  }
  for (const [index, { schema }] of (manifest.provides?.events ?? []).entries()) {
    if (schema) yield { schema, pointer: `/provides/events/${index}/schema` };
  }
}

interface Keyword {
  key: string;
  value: unknown;
  pointer: string;
}

/** Values of examples and defaults are data: a `$ref` in them refers to nothing. */
const dataKeywords = new Set(['const', 'default', 'enum', 'examples']);
/** Under these every key is a name, not a keyword. */
const nameKeywords = new Set(['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas']);

function* keywords(schema: unknown, pointer: string, areNames = false): Generator<Keyword> {
  if (typeof schema !== 'object' || schema === null) return;
  for (const [key, value] of Object.entries(schema) as [string, unknown][]) {
    const inner = pointerTo(pointer, key);
    const isKeyword = !areNames && !Array.isArray(schema);
    if (isKeyword) yield { key, value, pointer: inner };
    if (isKeyword && dataKeywords.has(key)) continue;
    if (isKeyword && key === 'patternProperties' && typeof value === 'object' && value !== null) {
      for (const pattern of Object.keys(value))
        yield { key: 'pattern', value: pattern, pointer: pointerTo(inner, pattern) };
    }
    yield* keywords(value, inner, isKeyword && nameKeywords.has(key));
  }
}

function* keywordFindings(
  manifest: Manifest,
  problem: (keyword: Keyword) => string | undefined,
): Generator<Finding> {
  for (const { schema, pointer } of authorSchemas(manifest)) {
    for (const keyword of keywords(schema, pointer)) {
      const message = problem(keyword);
      if (message) yield { pointer: keyword.pointer, message };
    }
  }
}

const references = new Set(['$ref', '$dynamicRef', '$recursiveRef']);
const isRemote = ({ key, value }: Keyword) =>
  references.has(key) && !(typeof value === 'string' && value.startsWith('#'));
const config = (properties: object) => ({ config: { type: 'object', properties } });

/** Objects and lists in all schemas of a manifest. */
const partsMax = 3_000;
const partsOf = (manifest: Manifest) =>
  [...authorSchemas(manifest)].reduce((sum, { schema }) => sum + everyPart(schema).length, 0);

/** A schema with remote references cannot be compiled; that is said once, by its own rule. */
const isSelfContained = (schema: object) => ![...keywords(schema, '')].some(isRemote);

export const schemaRules: Rule[] = [
  {
    id: 'schema-local-ref',
    what: 'schemas refer to nothing outside of themselves',
    check: ({ manifest }) =>
      keywordFindings(manifest, (keyword) =>
        isRemote(keyword) ? `only local references ("#/...") are followed: copy the schema in` : undefined,
      ),
    holds: {
      config: { type: 'object', properties: { a: { $ref: '#/$defs/a' } }, $defs: { a: { type: 'string' } } },
    },
    breaks: config({ a: { $ref: 'https://example.com/a.json' } }),
  },
  {
    id: 'schema-draft',
    what: 'schemas name no other dialect than those that are read as 2020-12',
    check: ({ manifest }) =>
      keywordFindings(manifest, ({ key, value }) =>
        key === '$schema' && !draft.test(String(value)) ? 'write JSON Schema 2020-12' : undefined,
      ),
    holds: { config: { $schema: 'https://json-schema.org/draft/2020-12/schema', type: 'object' } },
    breaks: { config: { $schema: 'http://json-schema.org/draft-03/schema#', type: 'object' } },
  },
  {
    id: 'schema-pattern',
    what: 'patterns in schemas are valid and cannot take exponential time',
    check: ({ manifest }) =>
      keywordFindings(manifest, ({ key, value }) =>
        key === 'pattern' && typeof value === 'string' ? patternProblem(value) : undefined,
      ),
    holds: config({ a: { type: 'string', pattern: '^(a|b)+@[a-z]+$' } }),
    breaks: config({ a: { type: 'string', pattern: '^(a+)+$' } }),
  },
  {
    id: 'schema-size',
    what: 'the schemas of a manifest are of a size that compiles at once',
    *check({ manifest }) {
      if (partsOf(manifest) > partsMax) {
        yield { pointer: '', message: `its schemas hold more than ${partsMax} parts: make them simpler` };
      }
    },
    holds: config({ a: { type: 'string' } }),
    breaks: config(Object.fromEntries(Array.from({ length: partsMax }, (_, index) => [`p${index}`, {}]))),
  },
  {
    id: 'schema-cost',
    what: 'schemas do not blow up when their references are followed, nor turn in a circle',
    *check({ manifest }) {
      for (const { schema, pointer } of authorSchemas(manifest)) {
        const cost = schemaCost(schema);
        if (cost > costMax)
          yield { pointer, message: 'following its references takes too many steps, or never ends' };
      }
    },
    holds: {
      config: {
        type: 'object',
        properties: { tree: { $ref: '#/$defs/node' } },
        $defs: { node: { type: 'object', properties: { next: { $ref: '#/$defs/node' } } } },
      },
    },
    breaks: {
      config: { type: 'object', allOf: [{ $ref: '#/$defs/a' }], $defs: { a: { $ref: '#/$defs/a' } } },
    },
  },
  {
    id: 'schema-compiles',
    what: 'schemas are valid JSON Schema',
    *check({ manifest }) {
      if (partsOf(manifest) > partsMax) return;
      for (const { schema, pointer } of authorSchemas(manifest)) {
        if (!isSelfContained(schema) || schemaCost(schema) > costMax) continue;
        const problem = compileProblem(schema);
        if (problem) yield { pointer, message: problem };
      }
    },
    holds: config({ a: { type: 'integer', minimum: 1 } }),
    breaks: config({ a: { type: 'integr' } }),
  },
  {
    id: 'config-object',
    what: 'a configuration is an object',
    *check({ manifest: { config: schema } }) {
      const type = schema?.['type'];
      if (schema && type !== undefined && ![type].flat().includes('object')) {
        yield {
          pointer: '/config/type',
          message: 'expected "object": a configuration is an object of named settings',
        };
      }
    },
    holds: { config: { type: 'object' } },
    breaks: { config: { type: 'string' } },
  },
];

function compileProblem(schema: object): string | undefined {
  try {
    compileSchema(schema);
    return undefined;
  } catch (error) {
    return `not a JSON Schema: ${(error as Error).message.replace(/^schema is invalid: /, '').slice(0, 300)}`;
  }
}
