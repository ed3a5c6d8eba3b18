import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { forOtherOrigin, withoutBody, type Headers } from './headers.js';
import { readUrl } from './target.js';

/** One request as it is sent to one place. */
export interface Hop {
  url: URL;
  method: string;
  /** Placeholders of secrets not yet filled in. */
  headers: Headers;
  body: Buffer | Readable | undefined;
}

const redirects = new Set([301, 302, 303, 307, 308]);

/**
 * Where an answer sends the request, by the rules of fetch: credentials stay with their origin, https never becomes http.
 * @param sentUrl where it was sent, secrets filled in
 * @returns undefined when the answer is the answer, refused when it leads where no request goes
 */
export function nextHop(
  hop: Hop,
  sentUrl: URL,
  answer: Dispatcher.ResponseData,
): Hop | 'refused' | undefined {
  const location = locationOf(answer.headers as unknown as string[]);
  if (!redirects.has(answer.statusCode) || location === undefined) return undefined;
  const url = urlOf(location, sentUrl);
  if (!url || (sentUrl.protocol === 'https:' && url.protocol === 'http:')) return 'refused';
  const headers = url.origin === sentUrl.origin ? hop.headers : forOtherOrigin(hop.headers);
  const { statusCode: status } = answer;
  const becomesGet =
    (status === 303 && hop.method !== 'HEAD') ||
    ((status === 301 || status === 302) && hop.method === 'POST');
  if (becomesGet) return { url, method: 'GET', headers: withoutBody(headers), body: undefined };
  // A stream has been sent and cannot be sent again.
  if (hop.body !== undefined && !Buffer.isBuffer(hop.body)) return 'refused';
  return { ...hop, url, headers };
}

function locationOf(raw: readonly string[]): string | undefined {
  const at = raw.findIndex((text, index) => index % 2 === 0 && text.toLowerCase() === 'location');
  return at < 0 ? undefined : raw[at + 1];
}

function urlOf(location: string, base: URL): URL | undefined {
  // Header values come as Latin-1, but servers write UTF-8.
  const text = Buffer.from(location, 'latin1').toString('utf8');
  if (!URL.canParse(text, base.href)) return undefined;
  try {
    return readUrl(new URL(text, base).href);
  } catch {
    return undefined;
  }
}
