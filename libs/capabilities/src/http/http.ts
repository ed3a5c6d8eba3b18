import { capability, type Call } from '../capability.js';
import { CapabilityError } from '../types.js';
import { permission } from './allowed.js';
import type { Exchange } from './exchange.js';
import { exchangesOf } from './exchanges.js';
import { readBytes, readId, readRequest } from './request.js';
import { invalid } from './target.js';

/** Sends a request to a host that the manifest names and the tenant granted. */
export const httpRequest = capability({
  name: 'http.request',
  permission,
  run: async (args, call) => exchangesOf(call.scope).begin(call, readRequest(args, call.scope)).start(),
});

/** Sends a piece of a streamed body. */
export const httpWrite = capability({
  name: 'http.write',
  permission,
  run: async (args, call) => {
    const last = args['last'] === true;
    const hasBytes = args['text'] !== undefined || args['base64'] !== undefined;
    return openOf(args, call).write(hasBytes || !last ? readBytes(args) : Buffer.alloc(0), last);
  },
});

/** Gives the next piece of an answer's body. */
export const httpRead = capability({
  name: 'http.read',
  permission,
  run: async (args, call) => openOf(args, call).read(),
});

/** Ends a request that nobody waits for any more. */
export const httpAbort = capability({
  name: 'http.abort',
  permission,
  run: async (args, { scope }) => {
    const exchange = exchangesOf(scope).get(readId(args));
    exchange?.end(new CapabilityError('EXECUTION_CANCELLED', 'The request was aborted'));
    return null;
  },
});

function openOf(args: Record<string, unknown>, { scope }: Call): Exchange {
  const exchange = exchangesOf(scope).get(readId(args));
  if (!exchange) throw invalid('id', 'There is no open request with this id');
  return exchange;
}
