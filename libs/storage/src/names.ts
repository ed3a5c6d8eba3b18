const segment = '[A-Za-z0-9][A-Za-z0-9._-]{0,127}';
const name = new RegExp(`^(staging|packages)(/${segment}){1,3}$`);
const prefix = new RegExp(`^(staging|packages)/(${segment}/){0,2}(${segment})?$`);

/** Names never walk out of the store, whatever they were made of. */
export function assertName(value: string): void {
  if (!name.test(value)) throw new TypeError(`Not a name in the package store: ${JSON.stringify(value)}`);
}

export function assertPrefix(value: string): void {
  if (!prefix.test(value)) throw new TypeError(`Not a prefix in the package store: ${JSON.stringify(value)}`);
}

/** Is it content-addressed, so that what stands under it never changes? */
export const isImmutable = (value: string): boolean => value.startsWith('packages/');
