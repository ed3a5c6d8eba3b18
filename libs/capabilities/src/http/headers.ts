import { httpLimits } from './limits.js';
import { invalid } from './target.js';

export type Headers = [string, string][];

const namePattern = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
// Tab, printable ASCII and the upper half of Latin-1: no line ends, no NUL, nothing that has to be folded.
const valuePattern = /^[\t\x20-\x7e\x80-\xff]*$/;

// The connection's own, those by which a message ends, and those by which proxies and clouds tell who asks.
const notSent =
  /^(host|connection|keep-alive|te|trailer|transfer-encoding|upgrade|content-length|expect|http2-settings|accept-encoding|proxy-.*|via|forwarded|x-forwarded-.*|x-real-ip|metadata(-.*)?|x-aws-ec2-.*|mortise-.*)$/;
const notShown = /^(connection|keep-alive|transfer-encoding|upgrade|trailer|proxy-.*)$/;
/** What is for one origin only. */
const credentials = new Set(['authorization', 'cookie']);

/**
 * The headers a plugin may send, names in lower case; others of a known kind are left out.
 * @throws CapabilityError INVALID_REQUEST for what would break the message
 */
export function sendable(given: unknown): Headers {
  if (given === undefined || given === null) return [];
  if (!Array.isArray(given) || given.length > httpLimits.headers)
    throw invalid('headers', `headers has to be a list of at most ${httpLimits.headers} pairs`);
  let bytes = 0;
  const headers: Headers = [];
  for (const pair of given as unknown[]) {
    const [name, value] = Array.isArray(pair) ? (pair as unknown[]) : [];
    if (typeof name !== 'string' || !namePattern.test(name))
      throw invalid('headers', 'A header name holds characters that no name may hold');
    if (typeof value !== 'string' || !isSendableValue(value))
      throw invalid('headers', `The header ${name} holds characters that no value may hold`);
    bytes += name.length + value.length;
    const lower = name.toLowerCase();
    if (!notSent.test(lower)) headers.push([lower, value]);
  }
  if (bytes > httpLimits.headerBytes)
    throw invalid('headers', `The headers are larger than ${httpLimits.headerBytes} bytes`);
  return headers;
}

export const isSendableValue = (value: string): boolean => valuePattern.test(value);

/** What of a request's headers goes on to another origin. */
export const forOtherOrigin = (headers: Headers): Headers =>
  headers.filter(([name, value]) => !credentials.has(name) && !value.includes('{{secret:'));

/** What of them goes on when a redirect turns the request into a GET. */
export const withoutBody = (headers: Headers): Headers =>
  headers.filter(([name]) => !/^content-(type|encoding|language|location)$/.test(name));

/** The answer's headers as the plugin sees them. @param raw names and values in turn */
export function shown(
  raw: readonly string[],
  { isDecoded, changesLength }: { isDecoded: boolean; changesLength: boolean },
): Headers {
  const headers: Headers = [];
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = (raw[at] ?? '').toLowerCase();
    if (notShown.test(name)) continue;
    if ((isDecoded && name === 'content-encoding') || (changesLength && name === 'content-length')) continue;
    headers.push([name, raw[at + 1] ?? '']);
  }
  return headers;
}
