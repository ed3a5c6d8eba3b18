import 'reflect-metadata';
import type { PayloadClass } from '@mortise/contracts';
import { validateSync, type ValidationError } from 'class-validator';
import { createRequire } from 'node:module';
import { quickCheck, type NestedClass } from './quick-check.js';

// class-transformer itself cannot be used: it walks into free-form JSON too, and there a key `constructor`, which
// a plugin or a sender may well choose, makes it throw. Only its record of @Type is taken.
const { defaultMetadataStorage } = createRequire(import.meta.url)('class-transformer/cjs/storage.js') as {
  defaultMetadataStorage: {
    findTypeMetadata(
      target: PayloadClass<object>,
      property: string,
    ): { typeFunction(): PayloadClass<object> } | undefined;
  };
};

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const nestedClass: NestedClass = (payloadClass, property) =>
  defaultMetadataStorage.findTypeMetadata(payloadClass, property)?.typeFunction();

const checks = new Map<PayloadClass<object>, (payload: object) => boolean>();
function passesQuickly(payloadClass: PayloadClass<object>, payload: object): boolean {
  let check = checks.get(payloadClass);
  if (!check) checks.set(payloadClass, (check = quickCheck(payloadClass, nestedClass)));
  return check(payload);
}

// As own properties of an instance they would hide its class.
const unusable = new Set(['__proto__', 'constructor']);

function instantiate<T extends object>(payloadClass: PayloadClass<T>, plain: object): T {
  const instance = new payloadClass();
  for (const [property, value] of Object.entries(plain) as [string, unknown][]) {
    if (unusable.has(property)) continue;
    const nested = typeof value === 'object' ? nestedClass(payloadClass, property) : undefined;
    Reflect.set(instance, property, nested ? nest(nested, value) : value);
  }
  return instance;
}

const nest = (nested: PayloadClass<object>, value: unknown): unknown => {
  if (Array.isArray(value)) return value.map((item: unknown) => nest(nested, item));
  return isObject(value) ? instantiate(nested, value) : value;
};

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
  const payload = instantiate(payloadClass, parsed);
  if (passesQuickly(payloadClass, payload)) return { ok: true, payload };
  const errors = validateSync(payload);
  if (errors.length === 0) return { ok: true, payload };
  return { ok: false, reason: placesOf(errors).slice(0, 5).join('; ') };
}
