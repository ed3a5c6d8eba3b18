import { ValidationPipe, type ValidationError } from '@nestjs/common';
import type { FieldError } from '@mortise/contracts';
import { AppError } from '../app-error.js';

const escape = (segment: string) => segment.replaceAll('~', '~0').replaceAll('/', '~1');

/** class-validator's tree as a flat list of JSON pointers. */
export const toFieldErrors = (errors: readonly ValidationError[], parent = ''): FieldError[] =>
  errors.flatMap((error) => {
    const pointer = `${parent}/${escape(error.property)}`;
    const own = Object.entries(error.constraints ?? {}).map(([rule, message]) => ({
      pointer,
      message,
      rule,
    }));
    return [...own, ...toFieldErrors(error.children ?? [], pointer)];
  });

/** Checks @Body and @Query against the DTO class of the parameter; unknown properties are errors. */
export const validationPipe = (): ValidationPipe =>
  new ValidationPipe({
    whitelist: true,
    forbidNonWhitelisted: true,
    transform: true,
    exceptionFactory: (errors) => new AppError('INVALID_REQUEST', {}, { errors: toFieldErrors(errors) }),
  });
