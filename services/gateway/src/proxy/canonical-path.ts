/** Segments of the canonical path: text, or the number of the alias segment that fills it. */
type Part = string | number;

const isParameter = (segment: string) => segment.startsWith('{');

/**
 * Rewrites an alias' path to its canonical one. Segments are taken as they were sent, still percent-encoded: decoding
 * and encoding again would turn `publisher%2Fslug` into two segments.
 */
export function canonicalPath(alias: string, canonical: string): (path: string) => string {
  const places = new Map(
    alias.split('/').flatMap((segment, index) => (isParameter(segment) ? [[segment, index]] : [])),
  );
  const parts: Part[] = canonical
    .split('/')
    .map((segment) => (isParameter(segment) ? (places.get(segment) ?? segment) : segment));
  return (path) => {
    const sent = path.split('/');
    return parts.map((part) => (typeof part === 'number' ? sent[part] : part)).join('/');
  };
}

/** Gives the parameters of an alias their canonical names; the rest of the query stays as it was sent. */
export const canonicalQuery = (query: string, names: Readonly<Record<string, string>> = {}): string =>
  query.replace(/(?<=[?&])[^=&]+(?==)/g, (name) =>
    Object.hasOwn(names, name) ? (names[name] ?? name) : name,
  );

/** A template of the route table as Fastify's router writes it. */
export const routerPath = (template: string): string => template.replace(/\{(\w+)\}/g, ':$1');
