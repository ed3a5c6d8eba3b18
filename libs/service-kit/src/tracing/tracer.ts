import { AsyncLocalStorage } from 'node:async_hooks';
import type { ServiceName } from '@mortise/contracts';
import {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Tracer as ApiTracer,
} from '@opentelemetry/api';
import { AppError } from '../app-error.js';
import { spanContextOf, toTraceparent } from './trace-context.js';

const kinds = {
  server: SpanKind.SERVER,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
  internal: SpanKind.INTERNAL,
} as const;

export interface SpanOptions {
  kind: keyof typeof kinds;
  /** W3C trace context of what caused it; without one it begins a trace. */
  parent?: string | undefined;
  /** Trace contexts it has to do with without being part of their traces. */
  links?: readonly string[];
  attributes?: Attributes;
}

/** A piece of work on its way into a trace. */
export interface Span {
  /** W3C trace context for what this work causes. */
  readonly traceparent: string;
  set(attributes: Attributes): void;
  /** @param error what it failed of; a text is said as it is */
  end(error?: unknown): void;
}

/** Makes the spans of one service. */
export class Tracer {
  constructor(private readonly tracer: ApiTracer) {}

  start(name: string, { kind, parent, links = [], attributes = {} }: SpanOptions): Span {
    const caused = spanContextOf(parent);
    const span = this.tracer.startSpan(
      name,
      {
        kind: kinds[kind],
        attributes,
        links: links.flatMap((link) => spanContextOf(link) ?? []).map((context) => ({ context })),
      },
      caused ? trace.setSpanContext(ROOT_CONTEXT, caused) : ROOT_CONTEXT,
    );
    return {
      traceparent: toTraceparent(span.spanContext()),
      set: (more) => void span.setAttributes(more),
      end: (error) => {
        if (error !== undefined) {
          const message =
            error instanceof Error ? error.message : typeof error === 'string' ? error : 'failed';
          span.setStatus({ code: SpanStatusCode.ERROR, message });
          span.setAttribute('error.type', error instanceof AppError ? error.code : 'error');
        }
        span.end();
      },
    };
  }
}

/**
 * The tracer of each service of this process that traces. Asked as `tracers.gateway?.start(name, {...})`: without
 * tracing that is one look-up, and its arguments are not even made.
 */
export const tracers: Partial<Record<ServiceName, Tracer>> = {};

const current = new AsyncLocalStorage<string>();

/** Runs the work so that what it writes to an outbox or publishes belongs to the trace. */
export const inTrace = <T>(traceparent: string, work: () => T): T => current.run(traceparent, work);

/** The trace context of the work that is being done; undefined when nothing is traced. */
export const currentTraceparent = (): string | undefined => current.getStore();
