import type { ArgumentMetadata, PipeTransform } from '@nestjs/common';
import type { FieldError, PayloadClass } from '@mortise/contracts';
import { validateSync, type ValidationError } from 'class-validator';
import { AppError } from '../app-error.js';
import { toInstance, unusableProperties } from '../instance.js';

const escape = (segment: string) => segment.replaceAll('~', '~0').replaceAll('/', '~1');

const unknownRule = 'whitelistValidation';
const unknownProperty = (name: string) => `unknown property "${name}"`;

/** class-validator's tree as a flat list of JSON pointers. */
export const toFieldErrors = (errors: readonly ValidationError[], parent = ''): FieldError[] =>
  errors.flatMap((error) => {
    const pointer = `${parent}/${escape(error.property)}`;
    const own = Object.entries(error.constraints ?? {}).map(([rule, message]) => ({
      pointer,
      message: rule === unknownRule ? unknownProperty(error.property) : message,
      rule,
    }));
    return [...own, ...toFieldErrors(error.children ?? [], pointer)];
  });

const strict = { whitelist: true, forbidNonWhitelisted: true, forbidUnknownValues: false };

const refuse = (errors: FieldError[]): void => {
  if (errors.length > 0) throw new AppError('INVALID_REQUEST', {}, { errors });
};

/**
 * What a caller sent as an instance of its class; unknown properties are errors.
 * @throws AppError INVALID_REQUEST
 */
export function toChecked<T extends object>(type: PayloadClass<T>, value: unknown): T {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new AppError('INVALID_REQUEST', {}, { errors: [{ pointer: '', message: 'must be an object' }] });
  const instance = toInstance(type, value);
  const unusable = Object.keys(value).filter((property) => unusableProperties.has(property));
  refuse([
    ...unusable.map((property) => ({
      pointer: `/${property}`,
      message: unknownProperty(property),
      rule: unknownRule,
    })),
    ...toFieldErrors(validateSync(instance, strict)),
  ]);
  return instance;
}

const builtIns: readonly unknown[] = [String, Boolean, Number, Array, Object, Buffer, Date];

/** Checks @Body and @Query against the DTO class of the parameter; unknown properties are errors. */
export class ValidationPipe implements PipeTransform {
  transform(value: unknown, { type, metatype }: ArgumentMetadata): unknown {
    if (type === 'custom' || !metatype || builtIns.includes(metatype)) return value;
    return toChecked(metatype as PayloadClass<object>, value ?? {});
  }
}
