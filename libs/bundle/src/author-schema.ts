import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

/** Dialects whose common parts mean the same in 2020-12. */
export const draft = /^https?:\/\/json-schema\.org\/(draft\/(2020-12|2019-09)|draft-0[67])\/schema#?$/;

/** Compiles a schema of a plugin's author as 2020-12, each in a world of its own: two plugins may use one `$id`. */
export function compileSchema(schema: object): ValidateFunction {
  const ajv = new Ajv2020({
    allErrors: true,
    verbose: true,
    useDefaults: true,
    strict: false,
    logger: false,
  });
  addFormats.default(ajv);
  const { $schema: _, ...body } = schema as { $schema?: string };
  return ajv.compile(body);
}
