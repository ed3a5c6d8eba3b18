import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';

/** A span as it came over the wire. */
export interface CollectedSpan {
  service: string;
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId: string | undefined;
  /** OTLP's number: 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  kind: number;
  attributes: Record<string, unknown>;
  links: { traceId: string; spanId: string }[];
  /** OTLP's number: 0 unset, 1 ok, 2 error. */
  status: number;
}

interface Value {
  stringValue?: string;
  intValue?: number | string;
  doubleValue?: number;
  boolValue?: boolean;
}
type KeyValues = { key: string; value: Value }[];
interface WireSpan {
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  kind: number;
  attributes?: KeyValues;
  links?: { traceId: string; spanId: string }[];
  status?: { code?: number };
}
/** ExportTraceServiceRequest in its JSON form. */
interface ExportRequest {
  resourceSpans: {
    resource: { attributes: KeyValues };
    scopeSpans: { spans: WireSpan[] }[];
  }[];
}

const plain = (pairs: KeyValues = []): Record<string, unknown> =>
  Object.fromEntries(
    pairs.map(({ key, value }) => [
      key,
      value.stringValue ?? value.doubleValue ?? value.boolValue ?? Number(value.intValue),
    ]),
  );

const spansOf = ({ resourceSpans }: ExportRequest): CollectedSpan[] =>
  resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        service: String(plain(resource.attributes)['service.name']),
        name: span.name,
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId === '' ? undefined : span.parentSpanId,
        kind: span.kind,
        attributes: plain(span.attributes),
        links: (span.links ?? []).map(({ traceId, spanId }) => ({ traceId, spanId })),
        status: span.status?.code ?? 0,
      })),
    ),
  );

export interface Collector {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT; GET {endpoint}/spans?trace={id} shows another process what came in. */
  endpoint: string;
  spans: CollectedSpan[];
  /** Headers of the exports, in order. */
  exports: IncomingMessage['headers'][];
  close(): Promise<void>;
}

const traceIdOf = (url: URL) => url.searchParams.get('trace');

/** An OTLP/HTTP receiver of traces in JSON that keeps all it gets, and refuses what is not OTLP as a collector does. */
export async function startCollector(): Promise<Collector> {
  const spans: CollectedSpan[] = [];
  const exports: IncomingMessage['headers'][] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://collector');
    if (request.method === 'GET' && url.pathname === '/spans') {
      const asked = spans.filter(({ traceId }) => traceId === traceIdOf(url));
      response.setHeader('content-type', 'application/json').end(JSON.stringify(asked));
      return;
    }
    receive(request, url).then(
      (received) => {
        spans.push(...received);
        exports.push(request.headers);
        response.setHeader('content-type', 'application/json').end('{}');
      },
      (error: unknown) => response.writeHead(400).end(String(error)),
    );
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    spans,
    exports,
    close: async () => {
      const closed = new Promise<void>((done) => server.close(() => done()));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function receive(request: IncomingMessage, url: URL): Promise<CollectedSpan[]> {
  if (request.method !== 'POST' || url.pathname !== '/v1/traces') throw new Error('not an export of traces');
  if (request.headers['content-type'] !== 'application/json') throw new Error('not JSON');
  const body =
    request.headers['content-encoding'] === 'gzip'
      ? gunzipSync(Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>))).toString()
      : await text(request);
  return spansOf(JSON.parse(body) as ExportRequest);
}
