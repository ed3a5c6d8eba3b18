/** Steps that one value may cost. */
export const costMax = 10_000;

// These apply to the value itself; all others step into a part of it, so they end with the value.
const onSameValue = [
  'allOf',
  'anyOf',
  'oneOf',
  'not',
  'if',
  'then',
  'else',
  'dependentSchemas',
  '$ref',
  '$dynamicRef',
];

/**
 * How many schema objects are visited when references are followed: a chain of schemas that each refer twice to the
 * next one is small to write and endless to run. Infinity for a reference that comes back to itself without stepping
 * into the value.
 */
export function schemaCost(root: object): number {
  const known = new Map<object, number>();
  const open = new Set<object>();
  let steps = 0;
  const cost = (schema: unknown): number => {
    if (typeof schema !== 'object' || schema === null) return 0;
    const found = known.get(schema);
    if (found !== undefined) return found;
    if (open.has(schema) || ++steps > costMax) return Infinity;
    open.add(schema);
    let sum = 1;
    for (const [key, value] of Object.entries(schema)) {
      if (!onSameValue.includes(key)) continue;
      if (key === '$ref' || key === '$dynamicRef') sum += cost(resolve(root, value));
      else if (key === 'not' || key === 'if' || key === 'then' || key === 'else') sum += cost(value);
      else for (const part of Object.values((value ?? {}) as object)) sum += cost(part);
    }
    open.delete(schema);
    known.set(schema, sum);
    return sum;
  };
  return everyPart(root).reduce((most, schema) => Math.max(most, cost(schema)), 0);
}

/** The objects and lists that a schema is made of, itself included. */
export function everyPart(root: object): object[] {
  const found: object[] = [];
  const walk = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    found.push(value);
    Object.values(value).forEach(walk);
  };
  walk(root);
  return found;
}

/** A local reference's target; anchors and unknown targets are the compiler's to judge. */
function resolve(root: object, reference: unknown): unknown {
  if (reference === '#') return root;
  if (typeof reference !== 'string' || !reference.startsWith('#/')) return undefined;
  let at: unknown = root;
  for (const segment of reference.slice(2).split('/')) {
    const key = decodeSegment(segment);
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Record<string, unknown>)[key];
  }
  return at;
}

function decodeSegment(segment: string): string {
  const plain = segment.replaceAll('~1', '/').replaceAll('~0', '~');
  try {
    return decodeURIComponent(plain);
  } catch {
    return plain;
  }
}
