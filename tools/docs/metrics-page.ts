import { metricTable, type MetricRow } from '@mortise/service-kit';
import { code, page, table } from './markdown.ts';

/** docs/reference/metrics.md. */
export const metricsPage = (): string =>
  page(
    'Metrics',
    'Each process serves these as Prometheus text at `/metrics` on `METRICS_PORT`, its own port, not reachable through the API. The unit ends the name; a histogram has `_bucket`, `_sum` and `_count`. Labels take values from closed lists: never a tenant, an installation or an id, but for the ten tenants of `mortise_tenant_cpu_seconds`. A metric without a value yet is named there all the same.',
    table(
      ['metric', 'kind', 'unit', 'labels', 'meaning'],
      Object.entries<MetricRow>(metricTable).map(([name, { kind, unit, labels, meaning }]) => [
        code(name),
        kind,
        unit,
        labels.map(code).join(', '),
        meaning,
      ]),
    ),
  );
