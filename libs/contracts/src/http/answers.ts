import { ValidateBy } from 'class-validator';

// Answers are written by us and validated by nobody at run time; what their decorators say becomes the schemas of the
// API's description, and end-to-end tests hold every answer against those.

/** The property may be null; it is always there. */
export const Nullable = (): PropertyDecorator =>
  ValidateBy({ name: 'nullable', validator: { validate: () => true } });

/** A point in time: ISO 8601 with date and time. */
export const IsInstant = (): PropertyDecorator =>
  ValidateBy({
    name: 'isInstant',
    validator: { validate: (value) => typeof value === 'string' && !Number.isNaN(Date.parse(value)) },
  });

/** Any JSON; the property is always there. */
export const IsAnything = (): PropertyDecorator =>
  ValidateBy({ name: 'isAnything', validator: { validate: () => true } });
