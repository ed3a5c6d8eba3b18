import { numberArgument, limitError } from '../capability.js';
import type { ExecutionScope } from '../types.js';
import { sendable, type Headers } from './headers.js';
import { httpLimits } from './limits.js';
import { invalid, readUrl } from './target.js';
import type { HttpRequest } from './wire.js';

const methods: readonly string[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
const redirects = ['follow', 'manual', 'error'] as const;

/** A request as the plugin asked for it, read and within its limits. */
export interface ReadRequest {
  id: number;
  url: URL;
  method: string;
  headers: Headers;
  body: Buffer | 'stream' | undefined;
  redirect: (typeof redirects)[number];
  timeoutMs: number;
}

/** What the plugin's side says it is; nothing of it is known to be. */
type Arguments = Partial<Record<keyof HttpRequest, unknown>>;

/** @throws CapabilityError INVALID_REQUEST naming the argument, LIMIT_EXCEEDED for a body that is too large */
export function readRequest(args: Arguments, scope: ExecutionScope): ReadRequest {
  const method = args.method ?? 'GET';
  if (typeof method !== 'string' || !methods.includes(method))
    throw invalid('method', `method has to be one of ${methods.join(', ')}`);
  const redirect = redirects.find((known) => known === (args.redirect ?? 'follow'));
  if (!redirect) throw invalid('redirect', `redirect has to be one of ${redirects.join(', ')}`);
  const body = readBody(args.body, scope);
  if (body !== undefined && (method === 'GET' || method === 'HEAD'))
    throw invalid('body', `A ${method} request has no body`);
  return {
    id: readId(args),
    url: readUrl(args.url),
    method,
    headers: sendable(args.headers),
    body,
    redirect,
    timeoutMs: numberArgument(args, 'timeoutMs', 1, httpLimits.maxTimeoutMs) ?? httpLimits.timeoutMs,
  };
}

export function readId(args: Record<string, unknown>): number {
  const id = numberArgument(args, 'id', 1, 2 ** 31);
  if (id === undefined) throw invalid('id', 'id has to be a whole number from 1');
  return id;
}

function readBody(given: unknown, scope: ExecutionScope): ReadRequest['body'] {
  if (given === undefined || given === null) return undefined;
  if (typeof given === 'object' && (given as { stream?: unknown }).stream === true) return 'stream';
  const bytes = readBytes(given);
  if (bytes.length > httpLimits.requestBodyBytes)
    throw limitError(scope, 'requestBodyBytes', httpLimits.requestBodyBytes, bytes.length);
  return bytes;
}

/** @throws CapabilityError INVALID_REQUEST when there is neither text nor base64 */
export function readBytes(given: unknown): Buffer {
  const { text, base64 } = (given ?? {}) as { text?: unknown; base64?: unknown };
  if (typeof text === 'string') return Buffer.from(text, 'utf8');
  if (typeof base64 === 'string') return Buffer.from(base64, 'base64');
  throw invalid('body', 'body has to be { text }, { base64 } or { stream: true }');
}
