import { randomBytes } from 'node:crypto';
import { until, type CollectedSpan } from '@mortise/testing';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { newTenant, type Client } from './client.js';

/** A trace as a caller of ours begins it. */
const newTrace = () => {
  const [traceId, spanId] = [randomBytes(16).toString('hex'), randomBytes(8).toString('hex')];
  return { traceId, spanId, header: { traceparent: `00-${traceId}-${spanId}-01` } };
};
const spansOf = async (traceId: string): Promise<CollectedSpan[]> =>
  (await fetch(`${inject('platform').collector}/spans?trace=${traceId}`)).json() as Promise<CollectedSpan[]>;

/** Each process sends its spans by itself: whole is a trace when the cause of each span is there. */
const isWhole = (spans: CollectedSpan[], callersSpanId: string) =>
  spans.every(
    ({ parentSpanId }) =>
      parentSpanId === callersSpanId || spans.some(({ spanId }) => spanId === parentSpanId),
  );

/** The spans of a trace once all that a test asks for has come in. */
async function traced(
  trace: { traceId: string; spanId: string },
  complete: (spans: CollectedSpan[]) => boolean,
): Promise<CollectedSpan[]> {
  const { traceId, spanId } = trace;
  let spans: CollectedSpan[] = [];
  await until(
    async () => complete((spans = await spansOf(traceId))) && isWhole(spans, spanId),
    `the trace ${traceId} is whole`,
    15_000,
  ).catch((error: unknown) => {
    throw new Error(`${String(error)}; there are: ${spans.map(({ name }) => name).join(', ')}`);
  });
  return spans;
}

const has = (spans: CollectedSpan[], ...names: string[]) =>
  names.every((name) => spans.some((span) => span.name.startsWith(name)));

/** The span and what caused it, back to the caller. */
function wayTo(spans: CollectedSpan[], span: CollectedSpan | undefined): string[] {
  if (!span) return [];
  const cause = spans.find(({ spanId }) => spanId === span.parentSpanId);
  return [
    ...(cause ? wayTo(spans, cause) : [`caller ${span.parentSpanId}`]),
    `${span.service}: ${span.name}`,
  ];
}

describe('a trace', () => {
  let tenant: Client;
  let id: string;
  beforeAll(async () => {
    tenant = await newTenant();
    ({ id } = await tenant.deploy({
      manifest: {
        slug: 'traced',
        functions: { main: {}, flaky: { retry: { maxAttempts: 2, initialMs: 200, backoff: 'fixed' } } },
      },
      main: `export function main() { return 1 }
        export function flaky(input, ctx) { if (ctx.attempt === 1) throw new Error('not yet'); return ctx.attempt }`,
    }));
  });

  it('leads from the HTTP request over the bus to the isolate and back', async () => {
    const trace = newTrace();
    const { spanId, header } = trace;

    const answer = await tenant.post(`/installations/${id}/execute`, { function: 'main' }, header);
    const spans = await traced(trace, (all) => has(all, 'plugin.execute', 'process execution-replies'));

    expect(answer.status).toBe(200);
    const edge = 'mortise-gateway: POST /api/v1/installations/:id/execute';
    const over = [
      'mortise-gateway: send executions.interactive',
      'mortise-executor: process executions.interactive',
    ];
    const run = spans.find(({ name }) => name.startsWith('plugin.execute'));
    expect(wayTo(spans, run)).toEqual([`caller ${spanId}`, edge, ...over, `mortise-executor: ${run?.name}`]);
    expect(run?.attributes).toMatchObject({
      'faas.invocation_id': answer.body.executionId,
      'faas.name': 'main',
      'mortise.execution.status': 'succeeded',
    });
    const back = spans.find(({ name }) => name === 'process execution-replies');
    expect(wayTo(spans, back)).toEqual([
      `caller ${spanId}`,
      edge,
      ...over,
      'mortise-executor: send execution-replies',
      'mortise-gateway: process execution-replies',
    ]);
  });

  it('goes on through the outbox, the delay before a retry and the second attempt', async () => {
    const trace = newTrace();
    const { spanId, header } = trace;

    const queued = await tenant.post(
      `/installations/${id}/execute`,
      { function: 'flaky' },
      { ...header, prefer: 'respond-async' },
    );
    expect(queued.status).toBe(202);
    expect((await tenant.ended(queued.body.executionId)).body).toMatchObject({
      status: 'succeeded',
      result: 2,
    });
    const spans = await traced(
      trace,
      (all) => all.filter(({ name }) => name.startsWith('plugin.execute')).length === 2,
    );

    const runs = spans.filter(({ name }) => name.startsWith('plugin.execute'));
    const second = runs.find(({ attributes }) => attributes['mortise.execution.attempt'] === 2);
    const [sent, processed] = ['send executions.background', 'process executions.background'];
    expect(wayTo(spans, second)).toEqual([
      `caller ${spanId}`,
      'mortise-gateway: POST /api/v1/installations/:id/execute',
      'mortise-registry: POST /api/v1/installations/:id/executions',
      `mortise-registry: ${sent}`,
      `mortise-executor: ${processed}`,
      `mortise-executor: ${sent}`,
      `mortise-executor: ${processed}`,
      `mortise-executor: ${second?.name}`,
    ]);
    expect(runs.map(({ status }) => status).sort()).toEqual([0, 2]);
  });

  it('is found by the id that a problem names', async () => {
    const trace = newTrace();
    const { traceId, header } = trace;

    const refused = await tenant.post(`/installations/${id}/execute`, { function: 'nothing' }, header);

    expect(refused.body).toMatchObject({ status: 422, traceId });
    const [span] = await traced(trace, (all) => has(all, 'POST '));
    expect(span?.attributes).toMatchObject({ 'http.response.status_code': 422 });
  });

  it('goes with what a change tells the other services, whose handlers begin traces of their own', async () => {
    const trace = newTrace();
    const { header } = trace;

    const deactivated = await tenant.post(`/installations/${id}/deactivate`, undefined, header);
    const spans = await traced(trace, (all) => has(all, 'send installation-lifecycle'));

    expect(deactivated.status).toBe(200);
    expect(spans.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['send installation-state', 'send installation-lifecycle']),
    );
    expect(spans.some(({ name }) => name === 'process installation-lifecycle')).toBe(false);
  });
});
