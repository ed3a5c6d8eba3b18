import { TestEventAliasBody, TestEventBody } from '@mortise/contracts';
import { AppError, toFieldErrors } from '@mortise/service-kit';
import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';

const strict = { whitelist: true, forbidNonWhitelisted: true };

/**
 * `{type, data}`, or `{event_type, event_data}` of the older way.
 * @throws AppError INVALID_REQUEST
 */
export function readTestBody(body: unknown): { type: string; data?: unknown } {
  const object = typeof body === 'object' && body !== null && !Array.isArray(body) ? body : {};
  if ('event_type' in object) {
    const alias = plainToInstance(TestEventAliasBody, object);
    refuse(validateSync(alias, strict));
    return { type: alias.event_type, data: Reflect.get(object, 'event_data') };
  }
  const canonical = plainToInstance(TestEventBody, object);
  refuse(validateSync(canonical, strict));
  // As it was sent: class-transformer rebuilds nested values.
  return { type: canonical.type, data: Reflect.get(object, 'data') };
}

function refuse(errors: ReturnType<typeof validateSync>): void {
  if (errors.length > 0) throw new AppError('INVALID_REQUEST', {}, { errors: toFieldErrors(errors) });
}
