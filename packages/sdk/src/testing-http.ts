import type { Json, PluginError } from './context.js';
import type { Http, HttpAnswer, HttpInit } from './http.js';

/** A request that a handler sent. */
export interface SentRequest {
  method: string;
  /** As the handler wrote it: placeholders of secrets are not filled in. */
  url: string;
  /** Names in lower case. */
  headers: Record<string, string>;
  /** The body, where it is text. */
  body?: string;
}

/** What a test lets a server answer: a `Response`, or JSON that becomes the body of a 200. */
export type TestServer = (request: SentRequest) => unknown;

type Failure = (code: string, message: string, details?: Record<string, Json>) => PluginError;

/** What it takes from the rest of the context. */
interface Surroundings {
  servers: Record<string, TestServer>;
  secrets: Record<string, string | null>;
  /** Counts the request against the limits. */
  call: <T>(work: () => T) => Promise<T>;
  failure: Failure;
}

const placeholder = /(?:\{\{|%7B%7B)secret:(\w+)(?:\}\}|%7D%7D)/gi;

/** `ctx.http` of a test: the hosts that `servers` names answer, all others were never asked for. */
export function testHttp({ servers, secrets, call, failure }: Surroundings): {
  http: Http;
  sent: SentRequest[];
} {
  const sent: SentRequest[] = [];
  const fetch = async (given: string | { href: string }, init: HttpInit = {}): Promise<HttpAnswer> => {
    const request = readRequest(typeof given === 'string' ? given : given.href, init, failure);
    const answer = await call(() => {
      const { host } = new URL(request.url);
      const server = Object.hasOwn(servers, host) ? servers[host] : undefined;
      if (!server) {
        const message = `The plugin called ${host}, which its manifest never asked for`;
        throw failure('SECURITY_VIOLATION', message, { host });
      }
      for (const text of [request.url, ...Object.values(request.headers)])
        for (const [, key = ''] of text.matchAll(placeholder)) checkSecret(secrets, key, failure);
      sent.push(request);
      return server(request);
    });
    return answer instanceof Response ? answer : Response.json(answer ?? null);
  };
  return { http: { fetch }, sent };
}

function readRequest(url: string, init: HttpInit, failure: Failure): SentRequest {
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url))
    throw failure('INVALID_REQUEST', 'url has to be an absolute http: or https: URL');
  const given = init.headers ?? {};
  const pairs = Symbol.iterator in given ? [...given] : Object.entries(given);
  const headers = Object.fromEntries(pairs.map(([name, value]) => [name.toLowerCase(), value]));
  return {
    method: (init.method ?? 'GET').toUpperCase(),
    url,
    headers,
    ...(typeof init.body === 'string' && { body: init.body }),
  };
}

function checkSecret(secrets: Record<string, string | null>, key: string, failure: Failure): void {
  if (!Object.hasOwn(secrets, key))
    throw failure(
      'SECURITY_VIOLATION',
      `The plugin read the secret ${key}, which its manifest does not declare`,
    );
  if (secrets[key] === null) throw failure('SECRET_NOT_SET', `The secret ${key} has no value yet`, { key });
}
