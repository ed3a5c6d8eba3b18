/*
 * What `fetch` and the host say to each other: JSON in ordinary host calls. At most one call of a request is under way
 * at a time, so that a limit of calls in flight never lets an upload wait for itself.
 *
 * `http.request` answers a `HttpResponse`, or `{ more: true }` where the body is streamed. Then `http.write` sends piece
 * after piece; it answers `{ more: true }` when there is room for the next, and the `HttpResponse` to the last piece, or
 * earlier when the server did not wait for it. `http.read` gives the rest of an answer's body, `http.abort` ends a
 * request that nobody waits for any more.
 */

/** Bytes: the UTF-8 of `text`, or what `base64` stands for, or none. */
export interface Bytes {
  /** Used for all that is valid UTF-8; a byte order mark is part of it. */
  text?: string;
  base64?: string;
}

/** A piece of an answer's body. */
export interface Chunk extends Bytes {
  /** Nothing comes after it. */
  done: boolean;
}

/** Arguments of `http.request`. */
export interface HttpRequest {
  /** Made by the plugin's side: 1 or more, each used once in an execution. */
  id: number;
  /** Absolute. `{{secret:NAME}}` in path and query, raw or percent-encoded, is filled in on its way out. */
  url: string;
  /** Default GET. */
  method?: string;
  /** Values may hold `{{secret:NAME}}`. */
  headers?: [string, string][];
  /** A whole body, or that it is sent with `http.write`. */
  body?: Bytes | { stream: true };
  /** Default follow; manual gives the 3xx answer itself. */
  redirect?: 'follow' | 'manual' | 'error';
  /** From the call to the last byte of the answer. */
  timeoutMs?: number;
}

export interface HttpResponse {
  status: number;
  statusText: string;
  /** Where the answer came from in the end, secrets masked. */
  url: string;
  redirected: boolean;
  /** Names in lower case. Without content-encoding and content-length where the host has decoded the body. */
  headers: [string, string][];
  /** Null where the answer can have none. `done: false`: the rest comes with `http.read`. */
  body: Chunk | null;
}

/** There is room for the next piece of the request's body. */
export interface More {
  more: true;
}
