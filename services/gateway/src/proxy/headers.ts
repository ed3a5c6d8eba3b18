import type { IncomingHttpHeaders } from 'node:http';
import { lifecycleHeader, principalHeader } from '@mortise/service-kit';

// RFC 9110 section 7.6.1: they speak about one connection, not about the message.
const hopByHop = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
];

// The caller's own credentials end here; what the gateway vouches for cannot come from outside.
const notForwarded = new Set([
  ...hopByHop,
  'host',
  'expect',
  'authorization',
  'cookie',
  'x-tenant-slug',
  'x-request-id',
  'traceparent',
  principalHeader,
  lifecycleHeader,
]);
const notReturned = new Set([...hopByHop, 'set-cookie', 'x-request-id', lifecycleHeader]);

const named = (connection: string | string[] | undefined): ReadonlySet<string> =>
  new Set(
    String(connection ?? '')
      .split(',')
      .map((name) => name.trim().toLowerCase())
      .filter(Boolean),
  );

function without(
  headers: IncomingHttpHeaders,
  dropped: ReadonlySet<string>,
): Record<string, string | string[]> {
  const alsoDropped = named(headers.connection);
  const kept: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined && !dropped.has(name) && !alsoDropped.has(name)) kept[name] = value;
  return kept;
}

/** What of the caller's headers reaches the owner of the route. */
export const requestHeaders = (headers: IncomingHttpHeaders): Record<string, string | string[]> =>
  without(headers, notForwarded);

/** What of the owner's headers reaches the caller. */
export const responseHeaders = (headers: IncomingHttpHeaders): Record<string, string | string[]> =>
  without(headers, notReturned);
