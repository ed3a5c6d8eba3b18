import type { PayloadClass } from '@mortise/contracts';
import { TransformationType, type TransformFnParams } from 'class-transformer';
import { createRequire } from 'node:module';

// class-transformer itself cannot be used: it walks into free-form JSON too, and there a key `constructor`, which
// a plugin or a sender may well choose, makes it throw. Only its record of @Type and @Transform is taken.
const { defaultMetadataStorage } = createRequire(import.meta.url)('class-transformer/cjs/storage.js') as {
  defaultMetadataStorage: {
    findTypeMetadata(
      target: PayloadClass<object>,
      property: string,
    ): { typeFunction(): PayloadClass<object> } | undefined;
    findTransformMetadatas(
      target: PayloadClass<object>,
      property: string,
      type: TransformationType,
    ): { transformFn(params: TransformFnParams): unknown }[];
  };
};

/** The class that @Type names for a property. */
export const nestedClass = (
  payloadClass: PayloadClass<object>,
  property: string,
): PayloadClass<object> | undefined =>
  defaultMetadataStorage.findTypeMetadata(payloadClass, property)?.typeFunction();

/** As own properties of an instance they would hide its class: those of a payload are left out. */
export const unusableProperties: ReadonlySet<string> = new Set(['__proto__', 'constructor']);

type Read = (value: unknown, plain: object) => unknown;

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const nest = (nested: PayloadClass<object>, value: unknown): unknown => {
  if (Array.isArray(value)) return value.map((item: unknown) => nest(nested, item));
  if (isObject(value)) return toInstance(nested, value);
  // What stands in a query is text.
  return Object.is(nested, Number) && typeof value === 'string' ? Number(value) : value;
};

function readerOf(payloadClass: PayloadClass<object>, property: string): Read | undefined {
  const nested = nestedClass(payloadClass, property);
  const type = TransformationType.PLAIN_TO_CLASS;
  const transforms = defaultMetadataStorage.findTransformMetadatas(payloadClass, property, type);
  if (!nested && transforms.length === 0) return undefined;
  return (value, plain) =>
    transforms.reduce(
      (now, transform) => transform.transformFn({ value: now, key: property, obj: plain, type, options: {} }),
      nested ? nest(nested, value) : value,
    );
}

const readers = new Map<PayloadClass<object>, Map<string, Read | undefined>>();
const maxKnownProperties = 1_000;

function reader(payloadClass: PayloadClass<object>, property: string): Read | undefined {
  let known = readers.get(payloadClass);
  if (!known) readers.set(payloadClass, (known = new Map<string, Read | undefined>()));
  if (known.has(property)) return known.get(property);
  const read = readerOf(payloadClass, property);
  // Senders choose names that no class knows: those must not fill the memory.
  if (known.size < maxKnownProperties) known.set(property, read);
  return read;
}

/**
 * Parsed JSON as an instance of its class, with nested classes where @Type says so and free-form values as they are.
 * Nothing is checked.
 */
export function toInstance<T extends object>(payloadClass: PayloadClass<T>, plain: object): T {
  const instance = new payloadClass();
  for (const [property, value] of Object.entries(plain) as [string, unknown][]) {
    if (unusableProperties.has(property)) continue;
    const read = reader(payloadClass, property);
    Reflect.set(instance, property, read ? read(value, plain) : value);
  }
  return instance;
}
