import { CapabilityError } from '../types.js';

/** Why a request got no answer, in the words a plugin sees. */
export type FailureReason =
  'name' | 'connect' | 'tls' | 'timeout' | 'reset' | 'protocol' | 'redirects' | 'encoding';

const texts: Record<FailureReason, string> = {
  name: 'its name was not found',
  connect: 'no connection was made',
  tls: 'its certificate was not accepted',
  timeout: 'it took too long',
  reset: 'the connection was lost',
  protocol: 'the answer is not valid HTTP',
  redirects: 'it redirects too often, or where it must not',
  encoding: 'the body is not encoded as it says',
};

/** A failure of the network or the other side: never the plugin's guilt, and nothing of the host's own words in it. */
export const networkFailed = (host: string, reason: FailureReason): CapabilityError =>
  new CapabilityError('NETWORK_FAILED', `The request to ${host} failed: ${texts[reason]}`, { host, reason });

export const networkRefused = (host: string): CapabilityError =>
  new CapabilityError('NETWORK_REFUSED', `${host} leads to an address that plugins may not reach`, { host });

const tlsCode = /CERT|^ERR_TLS|^ERR_SSL|SELF_SIGNED|UNABLE_TO_(VERIFY|GET)|^EPROTO$/;
const connectCode =
  /^(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|ENETDOWN|EADDRNOTAVAIL|ETIMEDOUT|UND_ERR_CONNECT_TIMEOUT|EACCES)$/;
const timeoutCode = /^UND_ERR_(HEADERS|BODY)_TIMEOUT$/;
const zlibCode = /^(Z_|ERR_ZLIB)/;
const resetCode =
  /^(ECONNRESET|EPIPE|UND_ERR_SOCKET|ERR_STREAM_PREMATURE_CLOSE|UND_ERR_RES_CONTENT_LENGTH_MISMATCH)$/;

/** What an error of undici, a socket or zlib means. */
export function reasonOf(error: unknown): FailureReason {
  const code = codeOf(error);
  if (tlsCode.test(code)) return 'tls';
  if (connectCode.test(code)) return 'connect';
  if (timeoutCode.test(code)) return 'timeout';
  if (zlibCode.test(code)) return 'encoding';
  return resetCode.test(code) ? 'reset' : 'protocol';
}

function codeOf(error: unknown): string {
  const { code, errors } = (error ?? {}) as { code?: unknown; errors?: unknown[] };
  if (typeof code === 'string') return code;
  // All addresses of a name failed: the first tells enough.
  return Array.isArray(errors) ? codeOf(errors[0]) : '';
}
