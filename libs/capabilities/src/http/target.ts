import { CapabilityError } from '../types.js';
import { plainHost, type Target } from './hosts.js';
import { httpLimits } from './limits.js';

/** What cannot be sent, whoever asks. */
export const invalid = (argument: string, message: string): CapabilityError =>
  new CapabilityError('INVALID_REQUEST', message, { argument });

/**
 * Reads a URL as WHATWG does, so that every spelling of a host is one.
 * @throws CapabilityError INVALID_REQUEST for what is no absolute http(s) URL, has credentials, or hides its host
 */
export function readUrl(text: unknown): URL {
  if (typeof text !== 'string' || text.length > httpLimits.urlLength)
    throw invalid('url', `url has to be a text of at most ${httpLimits.urlLength} characters`);
  // What the parser would drop or turn round: tabs, line ends, blanks at the ends, backslashes.
  if (/[\p{Cc}\\]|^ | $/u.test(text) || !/^https?:\/\/[^/?#]/i.test(text) || !URL.canParse(text))
    throw invalid('url', 'url has to be an absolute http: or https: URL');
  const url = new URL(text);
  if (url.username !== '' || url.password !== '')
    throw invalid('url', 'url holds a user or password: send them in the authorization header');
  url.hash = '';
  return url;
}

export function targetOf({ protocol, hostname, port }: URL): Target {
  const isHttps = protocol === 'https:';
  return {
    protocol: isHttps ? 'https:' : 'http:',
    host: plainHost(hostname),
    port: port === '' ? (isHttps ? 443 : 80) : Number(port),
  };
}
