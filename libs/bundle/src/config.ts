import type { ValidateFunction } from 'ajv';
import type { FieldError } from '@mortise/contracts';
import { compileSchema } from './author-schema.js';
import { mismatches } from './manifest/schema-errors.js';

export type CheckedConfig =
  { ok: true; config: Record<string, unknown> } | { ok: false; errors: FieldError[] };

const compiled = new WeakMap<object, ValidateFunction>();

/**
 * Checks a configuration against the manifest's `config` schema (JSON Schema 2020-12) and answers a copy with the
 * schema's defaults filled in. Types are never coerced. Without a schema only the empty configuration is valid.
 * @throws when the schema is not one: manifests with such schemas are refused at upload
 */
export function validateConfig(schema: object | undefined, config: unknown): CheckedConfig {
  const copy: unknown = structuredClone(config);
  try {
    const validate = validatorOf(schema ?? emptyConfig);
    if (validate(copy) && isPlainObject(copy)) return { ok: true, config: copy };
    const errors = mismatches(validate.errors ?? []);
    return { ok: false, errors: errors.length > 0 ? errors : [notAnObject] };
  } catch (error) {
    // A recursive schema can be met by a value that recurses with it.
    if (error instanceof RangeError) return { ok: false, errors: [tooDeep] };
    throw error;
  }
}

const emptyConfig = { type: 'object', additionalProperties: false };
const notAnObject: FieldError = { pointer: '', message: 'expected an object', rule: 'type' };
const tooDeep: FieldError = { pointer: '', message: 'it nests too deep for its schema', rule: 'depth' };
const isPlainObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function validatorOf(schema: object): ValidateFunction {
  let validate = compiled.get(schema);
  if (!validate) compiled.set(schema, (validate = compileSchema(schema)));
  return validate;
}
