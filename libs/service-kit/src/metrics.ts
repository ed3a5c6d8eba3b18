import { metrics as api, type Attributes } from '@opentelemetry/api';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';

// One provider per process, also when four services share it: instruments made before the start count too.
const exporter = new PrometheusExporter({
  preventServerStart: true,
  withoutTargetInfo: true,
  withResourceConstantLabels: /^$/,
});
const provider = new MeterProvider({ readers: [exporter] });
api.setGlobalMeterProvider(provider);
const meter = provider.getMeter('mortise');

export interface Counter {
  add(amount: number, labels?: Attributes): void;
}
export interface Histogram {
  record(value: number, labels?: Attributes): void;
}

const counters = new Map<string, Counter>();
const histograms = new Map<string, Histogram>();
const once = <T>(known: Map<string, T>, name: string, make: () => T): T => {
  const found = known.get(name) ?? make();
  known.set(name, found);
  return found;
};

/** The process's metrics. Names carry the unit (`_seconds`, `_bytes`); never a tenant as label. */
export const metrics = {
  /** Prometheus adds `_total`. */
  counter: (name: string, description: string): Counter =>
    once(counters, name, () => meter.createCounter(name, { description })),
  histogram: (name: string, description: string): Histogram =>
    once(histograms, name, () =>
      meter.createHistogram(name, {
        description,
        advice: {
          explicitBucketBoundaries: [
            0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
          ],
        },
      }),
    ),
  /** @param read called at each scrape */
  gauge: (name: string, description: string, read: () => number, labels: Attributes = {}): void => {
    meter
      .createObservableGauge(name, { description })
      .addCallback((result) => result.observe(read(), labels));
  },
};

let serving: Promise<() => Promise<void>> | undefined;

/** Serves /metrics on its own port; the second service of one process shares the first one's. 0 serves none. */
export async function startMetrics(port: number, host: string): Promise<() => Promise<void>> {
  if (port === 0) return async () => {};
  serving ??= (async () => {
    const { createServer } = await import('node:http');
    const server = createServer((request, response) => {
      if (request.url === '/metrics') exporter.getMetricsRequestHandler(request, response);
      else response.writeHead(404).end();
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
