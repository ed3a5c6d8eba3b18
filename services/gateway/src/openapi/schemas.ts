import { createRequire } from 'node:module';
import { validationMetadatasToSchemas } from 'class-validator-jsonschema';
import type { ISchemaConverters } from 'class-validator-jsonschema/build/defaultConverters.js';

type Options = NonNullable<Parameters<typeof validationMetadatasToSchemas>[0]>;

// What @Type says is needed for nested DTOs; class-transformer keeps it in a file without types of its own.
const { defaultMetadataStorage } = createRequire(import.meta.url)('class-transformer/cjs/storage.js') as {
  defaultMetadataStorage: NonNullable<Options['classTransformerMetadataStorage']>;
};

export interface Schema {
  type?: string | string[];
  properties?: Record<string, Schema>;
  required?: string[];
  [keyword: string]: unknown;
}

// The library gives @Min and @Max a type of their own, `number`, which wins over the `integer` of @IsInt.
const converters: ISchemaConverters = {
  isInt: { type: 'integer' },
  min: (meta) => ({ minimum: bound(meta.constraints) }),
  max: (meta) => ({ maximum: bound(meta.constraints) }),
  isInstant: { type: 'string', format: 'date-time' },
  isAnything: {},
  nullable: { nullable: true },
};
const bound = (constraints: unknown[] | undefined) => constraints?.[0] as number;

/** JSON Schema of every DTO class, by class name; refs point into components of the document. */
export function dtoSchemas(): Record<string, Schema> {
  const schemas = validationMetadatasToSchemas({
    classTransformerMetadataStorage: defaultMetadataStorage,
    refPointerPrefix: '#/components/schemas/',
    additionalConverters: converters,
  }) as Record<string, Schema>;
  for (const { properties = {} } of Object.values(schemas))
    for (const [name, property] of Object.entries(properties)) properties[name] = withNull(property);
  return schemas;
}

/** `nullable` is no keyword of JSON Schema: null is a type, a choice or an alternative. */
function withNull({ nullable, ...schema }: Schema): Schema {
  if (nullable !== true) return schema;
  if (typeof schema.type !== 'string') return { anyOf: [schema, { type: 'null' }] };
  const choices = schema.enum as unknown[] | undefined;
  return { ...schema, type: [schema.type, 'null'], ...(choices && { enum: [...choices, null] }) };
}

/** The schemas that some others refer to, directly or through one another. */
export function reachable(all: Record<string, Schema>, names: Iterable<string>): Record<string, Schema> {
  const found: Record<string, Schema> = {};
  const waiting = [...names];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const schema = all[name];
    if (!schema || found[name]) continue;
    found[name] = schema;
    const refs = JSON.stringify(schema).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g);
    for (const [, referred] of refs) if (referred) waiting.push(referred);
  }
  return Object.fromEntries(Object.entries(found).sort(([a], [b]) => a.localeCompare(b)));
}
