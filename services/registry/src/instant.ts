import { AppError } from '@mortise/service-kit';

/**
 * The time that a text names. ISO 8601 knows forms, such as weeks, that JavaScript and PostgreSQL do not.
 * @param pointer where the caller wrote it
 * @throws AppError INVALID_REQUEST
 */
export function instantOf(text: string, pointer: string): Date {
  const instant = new Date(text);
  if (!Number.isNaN(instant.getTime())) return instant;
  const message = 'expected a time such as 2030-01-31T12:00:00Z';
  throw new AppError('INVALID_REQUEST', {}, { errors: [{ pointer, message, rule: 'isIso8601' }] });
}
