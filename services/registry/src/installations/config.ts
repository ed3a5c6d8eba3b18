import { validateConfig } from '@mortise/bundle';
import { intake, type FieldError } from '@mortise/contracts';
import { AppError } from '@mortise/service-kit';
import { unstorablePlace } from '../projections/json-text.js';

/**
 * The config an installation gets: it fits the manifest's schema, has its defaults, and can be kept and told.
 * @param o.pointer where the config stands in the body
 * @param o.incomplete a config that only lacks something is kept as it is; activation waits for the rest
 * @throws AppError CONFIG_INVALID, BODY_TOO_LARGE
 */
export function checkedConfig(
  schema: object | undefined,
  given: unknown,
  o: { pointer?: string; incomplete?: boolean } = {},
): Record<string, unknown> {
  const { pointer = '', incomplete = false } = o;
  const refuse = (errors: FieldError[]): never => {
    const placed = errors.map((error) => ({ ...error, pointer: pointer + error.pointer }));
    throw new AppError('CONFIG_INVALID', {}, { errors: placed });
  };
  const place = unstorablePlace(given);
  if (place !== undefined) {
    const message = 'text may not hold U+0000 or half a surrogate pair';
    refuse([{ pointer: place, message, rule: 'text' }]);
  }
  const checked = validateConfig(schema, given);
  const isOnlyIncomplete = !checked.ok && checked.errors.every(({ rule }) => rule === 'required');
  if (!checked.ok && !(incomplete && isOnlyIncomplete)) refuse(checked.errors);
  const config = checked.ok ? checked.config : (given as Record<string, unknown>);
  if (Buffer.byteLength(JSON.stringify(config)) > intake.configBytes)
    throw new AppError('BODY_TOO_LARGE', { limit: intake.configBytes });
  return config;
}
