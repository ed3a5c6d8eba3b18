import type { FieldError, TriggerKind } from '@mortise/contracts';
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { LRUCache } from 'lru-cache';

const compiledSchemas = 1_000;

/** Checks inputs against the schemas that functions declare; each schema is compiled once a digest. */
export class InputCheck {
  private readonly compiled = new LRUCache<string, ValidateFunction>({ max: compiledSchemas });

  /** @returns every wrong place, none when the input fits */
  errors(digest: string, name: string, schema: Record<string, unknown>, input: unknown): FieldError[] {
    const key = `${digest}/${name}`;
    const validate = this.compiled.get(key) ?? compile(schema);
    this.compiled.set(key, validate);
    return validate(input) ? [] : (validate.errors ?? []).slice(0, 50).map(toFieldError);
  }
}

// An instance a schema: ajv keeps every $id it has seen, and two plugins may use the same one.
function compile(schema: Record<string, unknown>): ValidateFunction {
  const ajv = new Ajv2020({ strict: false, allErrors: true, logger: false });
  formats.default(ajv);
  return ajv.compile(schema);
}

const toFieldError = (error: ErrorObject): FieldError => ({
  pointer: error.instancePath,
  message: `${error.message ?? 'is not valid'}${detail(error)}`,
  rule: error.keyword,
});

const detail = ({ keyword, params }: ErrorObject): string =>
  keyword === 'additionalProperties'
    ? `: ${String(params['additionalProperty'])}`
    : keyword === 'enum'
      ? `: ${(params['allowedValues'] as unknown[]).slice(0, 10).join(', ')}`
      : '';

/** Events and ticks are shaped by the platform, not by the caller: a function's schema is about calls. */
export const checksInput = (trigger: TriggerKind): boolean =>
  !['event', 'job', 'lifecycle'].includes(trigger);
