import { hostname } from 'node:os';
import type { ServiceName } from '@mortise/contracts';
import { diag, DiagLogLevel, trace, TraceFlags, type Context, type Link } from '@opentelemetry/api';
import type { Sampler, SamplingResult } from '@opentelemetry/sdk-trace';
import type { Logger } from '../logger.js';
import { Tracer, tracers } from './tracer.js';

const scheduledDelayMillis = 1_000;
const shutdownWithinMs = 3_000;

export interface TracingEnv {
  OTEL_EXPORTER_OTLP_ENDPOINT: string | undefined;
  OTEL_EXPORTER_OTLP_HEADERS: string | undefined;
  OTEL_TRACES_SAMPLER_ARG: string;
  MORTISE_INSTANCE_ID: string | undefined;
}

/**
 * Sends the service's spans to a collector; without an endpoint nothing is loaded and nothing is done.
 * @returns what sends the last ones and stops
 */
export async function startTracing(
  service: ServiceName,
  env: TracingEnv,
  logger: Logger,
): Promise<() => Promise<void>> {
  const endpoint = env.OTEL_EXPORTER_OTLP_ENDPOINT;
  if (endpoint === undefined) return async () => {};
  const [sdk, { OTLPTraceExporter }, { resourceFromAttributes }] = await Promise.all([
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
  ]);
  // The SDK drops what it cannot send; without this it would not say so.
  const tell = (message: string, ...facts: unknown[]) => logger.warn({ facts }, `tracing: ${message}`);
  diag.setLogger(
    { error: tell, warn: tell, info: tell, debug: tell, verbose: tell },
    { logLevel: DiagLogLevel.ERROR, suppressOverrideMessage: true },
  );
  const exporter = new OTLPTraceExporter({
    url: `${endpoint.replace(/\/+$/, '')}/v1/traces`,
    headers: headersOf(env.OTEL_EXPORTER_OTLP_HEADERS),
  });
  const byShare = new sdk.TraceIdRatioBasedSampler(Number(env.OTEL_TRACES_SAMPLER_ARG));
  const [yes, no] = [sdk.SamplingDecision.RECORD_AND_SAMPLED, sdk.SamplingDecision.NOT_RECORD];
  const provider = new sdk.TracerProvider({
    resource: resourceFromAttributes({
      'service.namespace': 'mortise',
      'service.name': `mortise-${service}`,
      'service.instance.id': env.MORTISE_INSTANCE_ID ?? `${hostname()}-${process.pid}`,
    }),
    sampler: sampler((context, traceId, links) => {
      const parent = trace.getSpanContext(context);
      if (parent) return { decision: parent.traceFlags & TraceFlags.SAMPLED ? yes : no };
      const wanted = links.some((link) => link.context.traceFlags & TraceFlags.SAMPLED);
      return wanted ? { decision: yes } : byShare.shouldSample(context, traceId);
    }),
    spanProcessors: [new sdk.BatchSpanProcessor({ exporter, scheduledDelayMillis })],
  });
  const tracer = new Tracer(provider.getTracer('mortise'));
  tracers[service] = tracer;
  let stopping: Promise<void> | undefined;
  const stop = async () => {
    if (tracers[service] === tracer) delete tracers[service];
    // A collector that does not answer must not hold up a shutdown.
    const late = new Promise<void>((resolve) => setTimeout(resolve, shutdownWithinMs).unref());
    await Promise.race([provider.shutdown().catch(() => {}), late]);
  };
  return () => (stopping ??= stop());
}

/** The caller decides for what it asks for; what is linked to a traced message is traced; the rest by the share. */
const sampler = (decide: (context: Context, traceId: string, links: Link[]) => SamplingResult): Sampler => ({
  shouldSample: (context, traceId, _name, _kind, _attributes, links) => decide(context, traceId, links),
  toString: () => 'ParentOrLinkOrShare',
});

/** `name=value` pairs with commas between them, percent-encoded, as OpenTelemetry has them. */
const headersOf = (text: string | undefined): Record<string, string> =>
  Object.fromEntries(
    (text ?? '')
      .split(',')
      .map((pair) => pair.split('='))
      .filter(([name, ...value]) => name && value.length > 0)
      .map(([name = '', ...value]) => [name.trim(), decodeURIComponent(value.join('=').trim())]),
  );
