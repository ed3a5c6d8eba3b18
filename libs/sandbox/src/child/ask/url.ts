import type { Question } from './ask.js';
import { Refused, text } from './refused.js';

const mostChars = 1_048_576;
const settable = new Set([
  'href',
  'protocol',
  'username',
  'password',
  'host',
  'hostname',
  'port',
  'pathname',
  'search',
  'hash',
]);

const record = (url: URL): string =>
  JSON.stringify([
    url.href,
    url.origin,
    url.protocol,
    url.username,
    url.password,
    url.host,
    url.hostname,
    url.port,
    url.pathname,
    url.search,
    url.hash,
  ]);

function parse(input: unknown, base: unknown): URL {
  const written = text(input);
  if (written.length > mostChars) throw new Refused('TypeError', 'Invalid URL');
  try {
    return typeof base === 'string' ? new URL(written, base) : new URL(written);
  } catch {
    throw new Refused('TypeError', 'Invalid URL');
  }
}

/** URLs as the WHATWG standard has them: Node's own parser. */
export const urlQuestions: Record<string, Question> = {
  /** Args: url, base? */
  url: ([input, base]) => record(parse(input, base)),
  /** Args: url, component, value: the url with one component set. */
  urlset: ([href, component, value]) => {
    const url = parse(href, undefined);
    const name = text(component);
    if (settable.has(name)) Reflect.set(url, name, text(value).slice(0, mostChars));
    return record(url);
  },
};
