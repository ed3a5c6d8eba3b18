import type { PayloadClass } from '../events/define.js';
import type { Right } from '../roles.js';
import type { ServiceName } from '../topics.js';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** Another way to reach a route. */
export interface RouteAlias {
  method: Method;
  /** The full path. */
  path: string;
  /** Query parameters that have another name here, by that name. */
  query?: Readonly<Record<string, string>>;
}

/** One row of the route table: everything the edge, the owner and the API description need to know. */
export interface RouteDefinition {
  method: Method;
  /** Under /api/v1 unless `bare`; parameters as `{name}`. */
  path: string;
  /** The service that answers; the gateway authenticates, authorises and streams the rest to it. */
  owner: Exclude<ServiceName, 'executor'>;
  /** Needed right; null: anyone with a credential; 'public': no credential. */
  right: Right | null | 'public';
  /** Which budget a call counts against. */
  rate: 'read' | 'write' | 'execute' | 'upload';
  summary: string;
  body?: PayloadClass<object>;
  /** The body is not JSON: the owner reads it itself. */
  bodyType?: 'multipart/form-data' | 'application/merge-patch+json' | 'application/cloudevents+json';
  query?: PayloadClass<object>;
  /** The usual answer; at most one of the three. Without any it has no body, or is no JSON. */
  answer?: PayloadClass<object>;
  /** The usual answer is a page of these: `{data, page}`. */
  pageOf?: PayloadClass<object>;
  /** The usual answer is the whole list of these: `{data}`. */
  listOf?: PayloadClass<object>;
  /** Status of the usual answer; default 200. */
  status?: number;
  /** Other ways to reach the same route: full paths. Forgiving, deprecated, documented. */
  aliases?: readonly RouteAlias[];
  /** A raw route of the gateway, outside Nest, for the hot path. */
  hot?: boolean;
}
