/** Request and Response. */
export function messages(web, { Headers, setGuard, copyPairs }, { extract, fork, withBody }) {
  const { AbortSignal, webClass } = web.use('events');
  const methods = /^(delete|get|head|options|post|put)$/i;
  const nullBody = [101, 103, 204, 205, 304];

  const addressOf = (input) => {
    const { URL } = web.use('url');
    const url = new URL(input);
    if (url.username || url.password) throw new TypeError('An address with credentials cannot be fetched');
    return url.href;
  };
  const headersOf = (init) => new Headers(init instanceof Headers ? copyPairs(init) : init);
  const withType = (headers, type) => {
    if (type !== undefined && !headers.has('content-type')) headers.append('content-type', type);
    return headers;
  };
  const oneOf = (value, values, usual) => {
    if (value === undefined) return usual;
    if (!values.includes(String(value)))
      throw new TypeError(`'${String(value)}' is not one of ${values.join(', ')}`);
    return String(value);
  };

  let partsOf;
  class Request {
    #is;
    static {
      partsOf = (request) => request.#is;
    }
    constructor(input, init = {}) {
      if (arguments.length === 0) throw new TypeError('A request needs an address');
      const bag = init ?? {};
      const from = typeof input === 'object' && input !== null && #is in input ? input.#is : undefined;
      const method = bag.method === undefined ? (from?.method ?? 'GET') : String(bag.method);
      if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(method) || /^(connect|trace|track)$/i.test(method)) {
        throw new TypeError(`The method ${method} is not allowed`);
      }
      const { signal = from?.signal } = bag;
      if (signal !== undefined && signal !== null && !(signal instanceof AbortSignal)) {
        throw new TypeError('The signal is not an AbortSignal');
      }
      const is = {
        url: from ? from.url : addressOf(input),
        method: methods.test(method) ? method.toUpperCase() : method,
        redirect: oneOf(bag.redirect, ['follow', 'error', 'manual'], from?.redirect ?? 'follow'),
        signal: signal ?? new AbortController().signal,
        timeoutMs: bag.timeoutMs ?? from?.timeoutMs,
        headers: headersOf(bag.headers === undefined ? from?.headers : bag.headers),
      };
      const hasBody = bag.body !== undefined && bag.body !== null;
      if ((hasBody || (from?.body.stream ?? from?.body.bytes)) && /^(GET|HEAD)$/.test(is.method)) {
        throw new TypeError('A request with GET or HEAD has no body');
      }
      if (hasBody) {
        is.body = { used: false, ...extract(bag.body) };
        withType(is.headers, is.body.type);
      } else if (from) {
        if (from.body.used) throw new TypeError('The body has been used');
        is.body = { ...from.body };
        if (is.body.bytes !== undefined || is.body.stream !== undefined) from.body.used = true;
      } else is.body = { used: false, ...extract(null) };
      this.#is = is;
    }
    get method() {
      return this.#is.method;
    }
    get url() {
      return this.#is.url;
    }
    get headers() {
      return this.#is.headers;
    }
    get redirect() {
      return this.#is.redirect;
    }
    get signal() {
      return this.#is.signal;
    }
    get cache() {
      return 'default';
    }
    get credentials() {
      return 'same-origin';
    }
    get destination() {
      return '';
    }
    get integrity() {
      return '';
    }
    get keepalive() {
      return false;
    }
    get mode() {
      return 'cors';
    }
    get referrer() {
      return 'about:client';
    }
    get referrerPolicy() {
      return '';
    }
    get duplex() {
      return 'half';
    }
    clone() {
      const body = fork(this.#is.body);
      const made = new Request(this.#is.url, { ...this.#is, headers: this.#is.headers, body: null });
      made.#is.body = body;
      return made;
    }
  }
  const { AbortController } = web.use('events');
  withBody(
    Request,
    (request) => partsOf(request).body,
    (request) => request.headers.get('content-type'),
  );
  webClass(Request);

  let responseOf;
  let bodyOfResponse;
  class Response {
    #is;
    static {
      bodyOfResponse = (response) => response.#is.body;
      responseOf = (is) => {
        const response = new Response();
        const headers = new Headers(is.headers);
        setGuard(headers);
        response.#is = { type: 'basic', ...is, headers };
        return response;
      };
    }
    constructor(body = null, init = {}) {
      const bag = init ?? {};
      const status = bag.status === undefined ? 200 : Math.trunc(Number(bag.status));
      if (!(status >= 200 && status <= 599)) throw new RangeError(`${status} is no status of a response`);
      const statusText = bag.statusText === undefined ? '' : String(bag.statusText);
      if (/[^\t\x20-\x7e\x80-\xff]/.test(statusText)) throw new TypeError('The status has a wrong text');
      const headers = headersOf(bag.headers);
      const extracted = extract(body);
      if (body !== null && body !== undefined && nullBody.includes(status)) {
        throw new TypeError(`A response of status ${status} has no body`);
      }
      withType(headers, extracted.type);
      this.#is = { status, statusText, headers, url: '', redirected: false, type: 'default' };
      this.#is.body = { used: false, ...extracted };
    }
    static error() {
      return responseOf({ ...bare, status: 0, type: 'error' });
    }
    static redirect(url, status = 302) {
      if (![301, 302, 303, 307, 308].includes(status)) throw new RangeError(`${status} does not redirect`);
      const location = new (web.use('url').URL)(url).href;
      return responseOf({ ...bare, status, type: 'default', headers: [['location', location]] });
    }
    static json(data, init = {}) {
      const text = JSON.stringify(data);
      if (text === undefined) throw new TypeError('The data cannot be written as JSON');
      const headers = withType(headersOf(init?.headers), 'application/json');
      return new Response(text, { ...init, headers });
    }
    get type() {
      return this.#is.type;
    }
    get url() {
      return this.#is.url;
    }
    get redirected() {
      return this.#is.redirected;
    }
    get status() {
      return this.#is.status;
    }
    get ok() {
      return this.#is.status >= 200 && this.#is.status <= 299;
    }
    get statusText() {
      return this.#is.statusText;
    }
    get headers() {
      return this.#is.headers;
    }
    clone() {
      const body = fork(this.#is.body);
      const made = new Response();
      made.#is = { ...this.#is, headers: headersOf(this.#is.headers), body };
      return made;
    }
  }
  const bare = { statusText: '', url: '', redirected: false, headers: [], body: { used: false } };
  withBody(Response, bodyOfResponse, (response) => response.headers.get('content-type'));
  webClass(Response);

  return { Request, Response, partsOf, responseOf: (is) => responseOf(is) };
}
