import 'reflect-metadata';
import type { PayloadClass } from '@mortise/contracts';
import { nestedClass, toInstance } from '@mortise/service-kit';
import { validateSync, type ValidationError } from 'class-validator';
import { quickCheck } from './quick-check.js';

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const checks = new Map<PayloadClass<object>, (payload: object) => boolean>();
function passesQuickly(payloadClass: PayloadClass<object>, payload: object): boolean {
  let check = checks.get(payloadClass);
  if (!check) checks.set(payloadClass, (check = quickCheck(payloadClass, nestedClass)));
  return check(payload);
}

const placesOf = (errors: ValidationError[], path = ''): string[] =>
  errors.flatMap((error) => [
    ...Object.values(error.constraints ?? {}).map((message) => `${path}/${error.property}: ${message}`),
    ...placesOf(error.children ?? [], `${path}/${error.property}`),
  ]);

/**
 * Parsed JSON as an instance of its class, or why it is none. Properties the class does not know pass: versions are
 * additive.
 */
export function toPayload<T extends object>(
  payloadClass: PayloadClass<T>,
  parsed: unknown,
): { ok: true; payload: T } | { ok: false; reason: string } {
  if (!isObject(parsed)) return { ok: false, reason: 'the value is not a JSON object' };
  const payload = toInstance(payloadClass, parsed);
  if (passesQuickly(payloadClass, payload)) return { ok: true, payload };
  const errors = validateSync(payload);
  if (errors.length === 0) return { ok: true, payload };
  return { ok: false, reason: placesOf(errors).slice(0, 5).join('; ') };
}
