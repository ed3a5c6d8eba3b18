import { openApiDocument } from '@mortise/gateway';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

const document = openApiDocument();

/** As the description has them, and nothing more: what an answer holds and the description does not is a mistake of it. */
const strict = Object.fromEntries(
  Object.entries(document.components.schemas ?? {}).map(([name, schema]) => [
    name,
    typeof schema === 'object' && schema !== null && 'properties' in schema
      ? { ...schema, additionalProperties: false }
      : schema,
  ]),
);
const ajv = addFormats.default(new Ajv2020({ strict: false, allErrors: true }));
ajv.addSchema({ $id: 'api', ...document, components: { ...document.components, schemas: strict } });

const pointer = (...parts: string[]) =>
  `api#/${parts.map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/')}`;

const operations = Object.entries(document.paths)
  .flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({
      method: method.toUpperCase(),
      // A path without parameters is meant before one with them.
      pattern: new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`),
      parameters: path.split('{').length,
      path: [path, method],
      operation,
    })),
  )
  .sort((a, b) => a.parameters - b.parameters);

const known = new Map<string, ValidateFunction>();
function validatorOf(ref: string): ValidateFunction {
  const validator = known.get(ref) ?? ajv.compile({ $ref: ref });
  known.set(ref, validator);
  return validator;
}

/** What the description of the API has against an answer: nothing, when both are right. */
export function mistakes(method: string, answer: Response, body: unknown): string[] {
  const { pathname } = new URL(answer.url);
  const found = operations.find((one) => one.method === method && one.pattern.test(pathname));
  const type = answer.headers.get('content-type')?.split(';', 1)[0] ?? '';
  // Paths and methods that are none are asked for on purpose; what is no JSON has no schema.
  if (!found || !type.endsWith('json')) return [];
  const status = String(answer.status);
  const at = `${method} ${pathname} ${status}`;
  if (type !== 'application/problem+json' && !(status in found.operation.responses))
    return [`${at} is not described`];
  const ref =
    type === 'application/problem+json'
      ? pointer('components', 'schemas', 'Problem')
      : pointer('paths', ...found.path, 'responses', status, 'content', type, 'schema');
  const validate = validatorOf(ref);
  if (validate(body)) return [];
  return (validate.errors ?? []).map(
    ({ instancePath, message, params }) => `${at}: ${instancePath} ${message} ${JSON.stringify(params)}`,
  );
}
