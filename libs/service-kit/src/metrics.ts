import { metrics as api, type ObservableCallback } from '@opentelemetry/api';
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import {
  metricTable,
  type LabelsOf,
  type MetricName,
  type MetricRow,
  type MetricsOf,
} from './metrics-table.js';

// One provider per process, also when four services share it: instruments made before the start count too.
const exporter = new PrometheusExporter({ preventServerStart: true });
const serializer = new PrometheusSerializer(undefined, false, /^$/, true, true);
const provider = new MeterProvider({ readers: [exporter] });
api.setGlobalMeterProvider(provider);
const meter = provider.getMeter('mortise');

export interface Counter<N extends MetricName> {
  add(amount: number, ...labels: LabelsOf<N>): void;
}
export interface Histogram<N extends MetricName> {
  record(value: number, ...labels: LabelsOf<N>): void;
}
export interface Gauge<N extends MetricName> {
  /**
   * @param read called at each scrape; says one value, or several that their labels tell apart
   * @returns what ends it
   */
  watch(read: (see: (value: number, ...labels: LabelsOf<N>) => void) => void | Promise<void>): () => void;
}

const made = new Map<MetricName, unknown>();
function once<T>(name: MetricName, make: (row: MetricRow) => T): T {
  const known = made.get(name) as T | undefined;
  if (known) return known;
  const instrument = make(metricTable[name]);
  made.set(name, instrument);
  return instrument;
}

/** The process's metrics, each by its name in the table: what is not there does not compile. */
export const metrics = {
  counter: <N extends MetricsOf<'counter'>>(name: N): Counter<N> =>
    once(name, ({ meaning, labels }) => {
      const counter = meter.createCounter(name, { description: meaning });
      // Prometheus sees no increase in a series that begins with its first increase.
      if (labels.length === 0) counter.add(0);
      return counter;
    }),
  histogram: <N extends MetricsOf<'histogram'>>(name: N): Histogram<N> =>
    once(name, ({ meaning, buckets = [] }) =>
      meter.createHistogram(name, {
        description: meaning,
        advice: { explicitBucketBoundaries: [...buckets] },
      }),
    ),
  gauge: <N extends MetricsOf<'gauge'>>(name: N): Gauge<N> =>
    once(name, ({ meaning }) => {
      const instrument = meter.createObservableGauge(name, { description: meaning });
      return {
        watch: (read) => {
          const callback: ObservableCallback = (result) =>
            read((value, ...[labels]) => result.observe(value, labels));
          instrument.addCallback(callback);
          return () => instrument.removeCallback(callback);
        },
      };
    }),
};

const scrapeWithinMs = 2_000;

/** The metrics as Prometheus reads them; those without a value yet are named too, so that one can see what there is. */
export async function scrape(): Promise<string> {
  const { resourceMetrics } = await exporter.collect({ timeoutMillis: scrapeWithinMs });
  const text = serializer.serialize(resourceMetrics);
  const silent = [...made.keys()].filter((name) => !text.includes(`# TYPE ${name} `));
  return (
    text +
    silent
      .sort()
      .map(
        (name) => `# HELP ${name} ${metricTable[name].meaning}\n# TYPE ${name} ${metricTable[name].kind}\n`,
      )
      .join('')
  );
}

let serving: Promise<() => Promise<void>> | undefined;

/** Serves /metrics on its own port; the second service of one process shares the first one's. 0 serves none. */
export async function startMetrics(port: number, host: string): Promise<() => Promise<void>> {
  if (port === 0) return async () => {};
  serving ??= (async () => {
    const { createServer } = await import('node:http');
    const server = createServer((request, response) => {
      if (request.url !== '/metrics') {
        response.writeHead(404).end('The metrics are at /metrics\n');
        return;
      }
      scrape().then(
        (text) => response.setHeader('content-type', 'text/plain; version=0.0.4; charset=utf-8').end(text),
        (error: unknown) => response.writeHead(500).end(String(error)),
      );
    });
    await new Promise<void>((resolve, reject) => {
      const refused = (error: NodeJS.ErrnoException) =>
        reject(
          new Error(
            `/metrics cannot be served on ${host}:${port} (${error.code}): choose another port with METRICS_PORT, or 0 for none`,
            { cause: error },
          ),
        );
      server.once('error', refused).listen(port, host, resolve);
    });
    server.unref();
    return async () => {
      serving = undefined;
      await new Promise<void>((resolve) => server.close(() => resolve()));
    };
  })();
  return serving;
}
