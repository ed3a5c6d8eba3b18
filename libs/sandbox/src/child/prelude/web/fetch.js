/** fetch, by https://fetch.spec.whatwg.org; the host sends the requests, to hosts that the plugin was granted. */
import { bodies } from './fetch/body.js';
import { headersOf } from './fetch/headers.js';
import { messages } from './fetch/messages.js';
import { sender } from './fetch/send.js';

export function make(web) {
  const headers = headersOf(web);
  const body = bodies(web, headers);
  const { Request, Response, partsOf, responseOf } = messages(web, headers, body);
  const send = sender(web, partsOf, responseOf);
  const fetchBy = async (host, input, init) => send(host, new Request(input, init));
  return {
    ...{ Headers: headers.Headers, Request, Response },
    fetch: async function fetch(input, init) {
      if (arguments.length === 0) throw new TypeError('fetch needs an address');
      return fetchBy(web.host(), input, init);
    },
    fetchBy,
  };
}
