import { createServer } from 'node:net';
import { headers, Control, ExecuteInBackground } from '@mortise/contracts';
import {
  AppError,
  baseEnv,
  createLogger,
  currentTraceparent,
  defineEnv,
  inTrace,
  isSampled,
  loadEnv,
  newId,
  startTelemetry,
  tracers,
  type Tracer,
} from '@mortise/service-kit';
import { startCollector, until, type Collector } from '@mortise/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Bus } from './bus.js';
import { busEnv } from './env.js';
import type { Received } from './record.js';

const logger = createLogger({ service: 'test', level: 'silent' });
const traceId = 'a'.repeat(32);
const sampled = `00-${traceId}-${'b'.repeat(16)}-01`;
const unsampled = `00-${traceId}-${'b'.repeat(16)}-00`;
const settings = (values: Record<string, string>) =>
  loadEnv(defineEnv({ ...baseEnv, ...busEnv }), {
    METRICS_PORT: '0',
    MORTISE_INTERNAL_KEY: 'k'.repeat(32),
    ...values,
  });

describe('tracing', () => {
  let collector: Collector;
  let stop: () => Promise<void>;
  const start = async (values: Record<string, string> = {}): Promise<Tracer> => {
    stop = await startTelemetry(
      'gateway',
      settings({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint, ...values }),
      logger,
    );
    return tracers.gateway as Tracer;
  };
  beforeEach(async () => {
    collector = await startCollector();
    stop = async () => {};
  });
  afterEach(async () => {
    await stop();
    await collector.close();
  });

  it('is not there without an endpoint', async () => {
    await startTelemetry('gateway', settings({}), logger);

    expect(tracers.gateway).toBeUndefined();
  });

  it('sends spans with service, parent, links, attributes and error to the collector', async () => {
    const tracer = await start({ MORTISE_INSTANCE_ID: 'gateway-7' });
    const links = [`00-${'c'.repeat(32)}-${'d'.repeat(16)}-01`, 'nonsense'];

    const span = tracer.start('work', { kind: 'server', parent: sampled, links, attributes: { size: 3 } });
    span.set({ more: true });
    span.end(new AppError('NO_CAPACITY'));
    await until(() => collector.spans.length === 1, 'the span arrives');

    expect(collector.spans).toEqual([
      {
        service: 'mortise-gateway',
        name: 'work',
        traceId,
        spanId: span.traceparent.slice(36, 52),
        parentSpanId: 'b'.repeat(16),
        kind: 2,
        attributes: { size: 3, more: true, 'error.type': 'NO_CAPACITY' },
        links: [{ traceId: 'c'.repeat(32), spanId: 'd'.repeat(16) }],
        status: 2,
      },
    ]);
  });

  it('sends the last spans when it stops, with the headers of the collector', async () => {
    const tracer = await start({ OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20x=y, x-team=a' });

    tracer.start('last', { kind: 'internal' }).end();
    await stop();

    expect(collector.spans.map(({ name }) => name)).toEqual(['last']);
    expect(collector.exports[0]).toMatchObject({ authorization: 'Bearer x=y', 'x-team': 'a' });
    expect(tracers.gateway).toBeUndefined();
  });

  it('leaves it to the caller whether a trace is recorded, and records what is linked to a recorded one', async () => {
    const tracer = await start({ OTEL_TRACES_SAMPLER_ARG: '0' });

    const refused = tracer.start('refused', { kind: 'server', parent: unsampled });
    const wanted = tracer.start('wanted', { kind: 'server', parent: sampled });
    const linked = tracer.start('linked', { kind: 'consumer', links: [sampled] });
    const own = tracer.start('own', { kind: 'server' });
    for (const span of [refused, wanted, linked, own]) span.end();
    await stop();

    expect(collector.spans.map(({ name }) => name)).toEqual(['wanted', 'linked']);
    expect([refused, wanted, linked, own].map(({ traceparent }) => isSampled(traceparent))).toEqual([
      false,
      true,
      true,
      false,
    ]);
    expect(refused.traceparent.slice(3, 35)).toBe(traceId);
  });

  it('does not hold up a shutdown when the collector accepts and never answers', async () => {
    const silent = createServer(() => {});
    await new Promise<void>((listening) => silent.listen(0, '127.0.0.1', listening));
    const { port } = silent.address() as { port: number };
    const tracer = await start({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` });
    tracer.start('unheard', { kind: 'internal' }).end();

    const before = performance.now();
    await stop();
    silent.close();

    expect(performance.now() - before).toBeLessThan(4_500);
  });

  it('knows the trace of the work that is done, also after a wait', async () => {
    const seen = await inTrace(sampled, async () => {
      await Promise.resolve();
      return currentTraceparent();
    });

    expect(seen).toBe(sampled);
    expect(currentTraceparent()).toBeUndefined();
  });

  describe('of the bus', () => {
    const bus = (values: Record<string, string> = {}) =>
      Bus.create({ service: 'gateway', instanceId: 'g', env: settings(values), logger });
    const named = (name: string) => collector.spans.find((span) => span.name === name);

    it('leads from a request to its handler and back', async () => {
      await start();
      const asked = bus();
      let handled: Received | undefined;
      asked.consume({
        topic: 'executions.interactive',
        ordering: 'none',
        handler: async (record) => {
          handled = record;
          asked.reply(record, Buffer.from('done'));
        },
      });
      await asked.start();

      await asked.request(
        {
          topic: 'executions.interactive',
          key: 'k',
          value: null,
          headers: { [headers.traceparent]: sampled },
        },
        { deadline: Date.now() + 5_000 },
      );
      await asked.close();
      await stop();

      const chain = [
        'send executions.interactive',
        'process executions.interactive',
        'send execution-replies',
        'process execution-replies',
      ].map(named);
      expect(chain.map((span) => span?.traceId)).toEqual(Array(4).fill(traceId));
      expect(chain.map((span) => span?.parentSpanId)).toEqual([
        'b'.repeat(16),
        ...chain.slice(0, 3).map((span) => span?.spanId),
      ]);
      expect(chain.map((span) => span?.kind)).toEqual([4, 5, 4, 5]);
      expect(handled?.headers[headers.traceparent]?.slice(36, 52)).toBe(chain[1]?.spanId);
    });

    it('links the handler of an event to it and gives it a trace of its own; a failure is told', async () => {
      await start();
      const told = bus();
      const seen: (string | undefined)[] = [];
      told.on(Control, async (event) => {
        seen.push(event.traceparent, currentTraceparent());
        if (seen.length === 2) throw new Error('not yet');
      });
      await told.start();

      await inTrace(sampled, () => told.publish(Control, { action: 'reload', target: 'x' }));
      await until(() => seen.length === 4, 'the second try');
      await told.close();
      await stop();

      const sent = named('send control');
      const tries = collector.spans.filter(({ name }) => name === 'process control');
      expect(sent?.parentSpanId).toBe('b'.repeat(16));
      expect(tries.map(({ links, status }) => [links, status])).toEqual([
        [[{ traceId, spanId: sent?.spanId }], 2],
        [[{ traceId, spanId: sent?.spanId }], 0],
      ]);
      expect(tries.every((span) => span.traceId !== traceId && span.parentSpanId === undefined)).toBe(true);
      expect(seen[0]).toBe(seen[1]);
    });

    it('links a batch to each record in it that is traced', async () => {
      await start();
      const batched = bus();
      let count = 0;
      batched.consume({
        topic: 'executions.background',
        maxBatch: 3,
        delayMs: 200,
        batch: async (records) => void (count += records.length),
      });
      await batched.start();
      const command = (traceparent: string | undefined, partition = 0) => ({
        topic: ExecuteInBackground.topic,
        key: null,
        partition,
        value: Buffer.from('{}'),
        headers: traceparent ? { [headers.traceparent]: traceparent } : ({} as Record<string, string>),
      });

      await batched.send([command(sampled), command(unsampled), command(sampled)]);
      await until(() => count === 3, 'the batch');
      await batched.close();
      await stop();

      const sent = collector.spans.filter(({ name }) => name === 'send executions.background');
      expect(sent).toHaveLength(2);
      expect(named('process executions.background')).toMatchObject({
        links: sent.map(({ spanId }) => ({ traceId, spanId })),
        attributes: { 'messaging.batch.message_count': 3 },
      });
    });

    it('makes no spans for what is not traced, malformed contexts included', async () => {
      await start();
      const quiet = bus();
      const seen: string[] = [];
      quiet.consume({
        topic: 'executions.background',
        handler: async ({ headers: sent }) => void seen.push(sent[headers.traceparent] ?? 'none'),
      });
      await quiet.start();

      const contexts = [unsampled, 'nonsense', `00-${traceId}-${'0'.repeat(16)}-01`];
      await quiet.send(
        contexts.map((traceparent) => ({
          topic: 'executions.background' as const,
          key: newId(),
          value: null,
          headers: { [headers.traceparent]: traceparent },
        })),
      );
      await until(() => seen.length === 3, 'all are handled');
      await quiet.close();
      await stop();

      expect(seen.sort()).toEqual([...contexts].sort());
      expect(collector.spans).toEqual([]);
    });
  });
});
