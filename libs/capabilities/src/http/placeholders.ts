import { pathEncoded } from '../secret-forms.js';
import { isSendableValue, type Headers } from './headers.js';
import { invalid } from './target.js';

/** Gives the value of a declared secret. */
export type SecretValue = (key: string) => Promise<string>;

const inHeader = /\{\{secret:([A-Za-z0-9_]{1,64})\}\}/g;
// URL writes the braces of a path percent-encoded.
const inUrl = /(?:\{\{|%7B%7B)secret:([A-Za-z0-9_]{1,64})(?:\}\}|%7D%7D)/gi;

const fill = async (
  text: string,
  pattern: RegExp,
  secret: SecretValue,
  write: (value: string) => string,
): Promise<string> => {
  const keys = new Set([...text.matchAll(pattern)].map(([, key = '']) => key));
  if (keys.size === 0) return text;
  const values = new Map<string, string>();
  for (const key of keys) values.set(key, write(await secret(key)));
  return text.replace(pattern, (_all, key: string) => values.get(key) ?? '');
};

/** Does anything of it hold a placeholder? */
export const hasPlaceholder = (url: URL, headers: Headers): boolean =>
  url.href.search(inUrl) >= 0 || headers.some(([, value]) => value.search(inHeader) >= 0);

/** Path and query as they are sent: a value there cannot begin another part of the URL. */
export async function filledPath({ pathname, search }: URL, secret: SecretValue): Promise<string> {
  const path = await fill(pathname, inUrl, secret, pathEncoded);
  return path + (await fill(search, inUrl, secret, (value) => encodeURIComponent(value.toWellFormed())));
}

/** @throws CapabilityError for a value that no header may hold */
export async function filledHeaders(headers: Headers, secret: SecretValue): Promise<Headers> {
  const filled: Headers = [];
  for (const [name, value] of headers) {
    const sent = await fill(value, inHeader, secret, (text) => text);
    if (!isSendableValue(sent))
      throw invalid('headers', `A secret of the header ${name} holds characters that no header may hold`);
    filled.push([name, sent]);
  }
  return filled;
}
