import { ExecuteBody, type FieldError } from '@mortise/contracts';
import { AppError, parseJsonBody } from '@mortise/service-kit';

const known = new Set<keyof ExecuteBody>(['function', 'input', 'context']);
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * The function a body asks for, after checking that the body is an ExecuteBody. By hand, since class-validator would
 * cost more than everything else the gateway does for a call; the text itself is what travels on.
 * @param strict unknown properties are errors (canonical route); forgiven on the older one
 * @throws AppError JSON_TOO_DEEP, INVALID_JSON, INVALID_REQUEST
 */
export function functionOf(text: string, strict: boolean): string | undefined {
  const body = parseJsonBody(text);
  if (!isObject(body))
    throw new AppError('INVALID_JSON', {
      reason: body === undefined ? 'it is empty; send a JSON object' : 'it is not an object',
    });
  let errors: FieldError[] | undefined;
  const wrong = (pointer: string, message: string, rule: string) =>
    (errors ??= []).push({ pointer, message, rule });
  if (body.function !== undefined && body.function !== null && typeof body.function !== 'string')
    wrong('/function', 'function must be a string', 'isString');
  if (body.context !== undefined && body.context !== null && !isObject(body.context))
    wrong('/context', 'context must be an object', 'isObject');
  if (strict)
    for (const name in body)
      if (!known.has(name as keyof ExecuteBody))
        wrong(
          `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`,
          `unknown property "${name}"`,
          'whitelistValidation',
        );
  if (errors) throw new AppError('INVALID_REQUEST', {}, { errors });
  return (body.function ?? undefined) as string | undefined;
}
