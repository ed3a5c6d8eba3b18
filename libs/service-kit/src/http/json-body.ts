import { intake, jsonDepth } from '@mortise/contracts';
import { AppError } from '../app-error.js';

/** Refuses `__proto__` keys: merging such an object elsewhere would change every object's prototype. */
const refuseProto = (key: string, value: unknown): unknown => {
  if (key === '__proto__') throw new AppError('INVALID_JSON', { reason: 'a key is __proto__' });
  return value;
};

/** V8 quotes the text around a mistake, and a body may hold a secret. */
const withoutExcerpt = (message: string): string => message.replace(/, (?:\.\.\.)?".*$/s, '');

/**
 * @returns the parsed body; undefined for an empty one
 * @throws AppError JSON_TOO_DEEP, INVALID_JSON
 */
export function parseJsonBody(text: string): unknown {
  if (text === '') return undefined;
  if (jsonDepth(text) > intake.jsonDepth) throw new AppError('JSON_TOO_DEEP', { limit: intake.jsonDepth });
  try {
    return text.includes('__proto__') ? JSON.parse(text, refuseProto) : JSON.parse(text);
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('INVALID_JSON', {
      reason: error instanceof Error ? withoutExcerpt(error.message) : 'syntax error',
    });
  }
}
