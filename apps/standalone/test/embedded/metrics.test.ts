import { metricTable, type MetricRow } from '@mortise/service-kit';
import { until } from '@mortise/testing';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { newTenant, type Client } from '../client.js';

interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

const table: Record<string, MetricRow> = metricTable;
const scrape = async () => (await fetch(inject('platform').metrics ?? '')).text();
const samplesOf = (text: string): Sample[] =>
  [...text.matchAll(/^(\w+)(?:\{(.*)\})? (\S+)$/gm)].map(([, name = '', labels = '', value]) => ({
    name,
    labels: Object.fromEntries([...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, text]) => [key, text])),
    value: Number(value),
  }));
/** The row of a sample: a histogram has several of them. */
const rowOf = ({ name }: Sample) => {
  const base = name.replace(/_(bucket|sum|count)$/, '');
  return table[name] ?? (table[base]?.kind === 'histogram' ? table[base] : undefined);
};

describe('/metrics', () => {
  let tenant: Client;
  let id: string;
  beforeAll(async () => {
    tenant = await newTenant();
    ({ id } = await tenant.deploy({
      main: 'export function main(input, ctx) { ctx.log.info("here"); return 1 }',
    }));
    for (let count = 0; count < 3; count++) await tenant.execute(id, 'main');
    const queued = await tenant.post(`/installations/${id}/executions`, { function: 'main' });
    await tenant.ended(queued.body.executionId);
  });

  it('serves each metric of the table, and no other', async () => {
    const text = await scrape();

    const named = [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name, kind]) => [name, kind]);
    expect(Object.fromEntries(named)).toEqual(
      Object.fromEntries(Object.entries(table).map(([name, { kind }]) => [name, kind])),
    );
    expect(samplesOf(text).filter((sample) => !rowOf(sample))).toEqual([]);
  });

  it("is on a port of its own, which has nothing else, and not on the API's", async () => {
    const { url, metrics = '' } = inject('platform');

    expect((await fetch(metrics)).headers.get('content-type')).toContain('text/plain');
    expect((await fetch(new URL('/api/v1/plugins', metrics))).status).toBe(404);
    for (const path of ['/metrics', '/api/v1/metrics'])
      expect((await fetch(`${url}${path}`)).status).toBe(404);
  });

  it('tells series apart by the labels of the table only', async () => {
    const wrong = samplesOf(await scrape()).filter((sample) => {
      const extra = sample.name.endsWith('_bucket') ? ['le'] : [];
      return (
        Object.keys(sample.labels).sort().join() !==
        [...(rowOf(sample)?.labels ?? []), ...extra].sort().join()
      );
    });

    expect(wrong).toEqual([]);
  });

  it('counts what ran by status, lane and trigger, and what the projections took in', async () => {
    const value = async (name: string, labels: Record<string, string>) =>
      samplesOf(await scrape())
        .filter((sample) => sample.name === name)
        .filter((sample) => Object.entries(labels).every(([key, text]) => sample.labels[key] === text))
        .reduce((sum, sample) => sum + sample.value, 0);
    const ran = { status: 'succeeded', trigger: 'call' };
    const before = await value('mortise_executions_total', { ...ran, lane: 'interactive' });

    await tenant.execute(id, 'main');

    expect(await value('mortise_executions_total', { ...ran, lane: 'interactive' })).toBeGreaterThan(before);
    expect(await value('mortise_executions_total', { ...ran, lane: 'background' })).toBeGreaterThan(0);
    expect(await value('mortise_execution_duration_seconds_count', { lane: 'background' })).toBeGreaterThan(
      0,
    );
    await until(
      async () => (await value('mortise_projection_rows_total', { projection: 'logs' })) > 0,
      'the log lines are projected',
    );
    expect(
      await value('mortise_projection_delay_seconds_count', { projection: 'executions' }),
    ).toBeGreaterThan(0);
  });

  it('shows for each group and topic how far behind it is, and comes back to 0', async () => {
    await until(async () => {
      const lags = samplesOf(await scrape()).filter(({ name }) => name === 'mortise_bus_lag_records');
      const seen = lags.map(({ labels }) => `${labels.group} ${labels.topic}`);
      return (
        [
          'executor executions.interactive',
          'executor executions.background',
          'registry execution-events',
        ].every((one) => seen.includes(one)) && lags.every(({ value }) => value === 0)
      );
    }, 'nothing lags');
    const text = await scrape();

    for (const service of ['gateway', 'registry', 'scheduler', 'executor'])
      expect(text).toContain(`mortise_outbox_oldest_age_seconds{service="${service}"}`);
    expect(text).not.toContain('otel_scope');
  });
});
