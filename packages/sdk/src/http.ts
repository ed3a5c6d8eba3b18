/** Headers of an answer: names in any case. */
export interface HttpHeaders {
  get(name: string): string | null;
  has(name: string): boolean;
  /** Each `set-cookie` by itself. */
  getSetCookie(): string[];
  forEach(visit: (value: string, name: string) => void): void;
}

/** What a request is made of besides its URL, as in the Fetch standard (https://fetch.spec.whatwg.org). */
export interface HttpInit {
  /** GET (default), HEAD, POST, PUT, PATCH, DELETE or OPTIONS. */
  method?: string;
  /**
   * Values may hold `{{secret:NAME}}`: the platform puts the declared secret in on the way out, so that the code never
   * sees it. Host, Connection, Content-Length, Transfer-Encoding, Accept-Encoding, Proxy-* and the like are left out.
   */
  headers?: Record<string, string> | [string, string][] | Iterable<[string, string]>;
  /** Text, bytes, or any body of the standard; at most 5 MiB. */
  body?: string | object | null;
  /** follow (default, at most 5, each of them to an allowed host), manual or error. */
  redirect?: 'follow' | 'manual' | 'error';
  /** Such as `AbortSignal.timeout(2_000)`; without one a request has 10 s, answer included. */
  signal?: object | null;
}

/** An answer, as `Response` of the Fetch standard. */
export interface HttpAnswer {
  readonly status: number;
  /** Is the status 200 to 299? */
  readonly ok: boolean;
  readonly statusText: string;
  /** Where it came from in the end; secrets show as `***`. */
  readonly url: string;
  readonly redirected: boolean;
  readonly headers: HttpHeaders;
  /** Decoded, at most 5 MiB; once. */
  text(): Promise<string>;
  json(): Promise<unknown>;
  arrayBuffer(): Promise<ArrayBuffer>;
}

/** Requests to the hosts of the manifest's `network.allow`; needs the permission `http:request`. */
export interface Http {
  /**
   * The same as the global `fetch`.
   * @param url absolute, https; plain http and other ports where `network.allow` names the port. `{{secret:NAME}}` in path
   *   and query is filled in like in headers.
   * @throws PERMISSION_DENIED for a host that is not granted, NETWORK_REFUSED for a name that leads into a private network,
   *   NETWORK_FAILED with a `reason` in its details, LIMIT_EXCEEDED over `limits().networkRequests`. A host that the
   *   manifest never asked for ends the execution as a violation.
   */
  fetch(url: string | { href: string }, init?: HttpInit): Promise<HttpAnswer>;
}
