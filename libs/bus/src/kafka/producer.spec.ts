import { AppError } from '@mortise/service-kit';
import { until } from '@mortise/testing';
import type { ProducerBatch } from 'kafkajs';
import { describe, expect, it } from 'vitest';
import type { BusRecord } from '../record.js';
import { brokerProblem } from './broker-check.js';
import { Lane } from './producer.js';

const record = (text: string, bytes = 0): BusRecord => ({
  topic: 'execution-events',
  key: 'key',
  value: Buffer.concat([Buffer.from(text), Buffer.alloc(bytes)]),
  headers: {},
});

/** A producer whose requests the test answers. */
function sender() {
  const requests: { batch: ProducerBatch; ok: () => void; fail: (error: Error) => void }[] = [];
  const sendBatch = (batch: ProducerBatch) =>
    new Promise<[]>((resolve, reject) => requests.push({ batch, ok: () => resolve([]), fail: reject }));
  return { requests, producer: { sendBatch } };
}
const turn = () => new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)));
const texts = (batch: ProducerBatch | undefined) =>
  batch?.topicMessages?.flatMap(({ messages }) => messages.map(({ value }) => value?.toString()));
const env = { MORTISE_TOPIC_PREFIX: 'm.' };
const ordered = { name: 'durable', acks: -1, requestsInFlight: 1, compression: undefined } as const;

describe('a producing lane', () => {
  it('gathers what one turn brings into one request', async () => {
    const { requests, producer } = sender();
    const lane = new Lane(producer, env, ordered);

    const sends = [lane.send([record('a')]), lane.send([record('b'), record('c')])];
    await turn();

    expect(requests).toHaveLength(1);
    expect(requests[0]?.batch).toMatchObject({
      acks: -1,
      topicMessages: [{ topic: 'm.execution-events' }],
    });
    expect(texts(requests[0]?.batch)).toEqual(['a', 'b', 'c']);
    requests[0]?.ok();
    await Promise.all(sends);
  });

  it('waits for more records where it was told to, and not once there are many', async () => {
    const { requests, producer } = sender();
    const lane = new Lane(producer, env, { ...ordered, lingerMs: 20 });

    const first = lane.send([record('a')]);
    await turn();
    const second = lane.send([record('b')]);
    await until(() => requests.length > 0, 'they are sent');
    expect(texts(requests[0]?.batch)).toEqual(['a', 'b']);
    requests[0]?.ok();
    await Promise.all([first, second]);
    const many = lane.send(Array.from({ length: 1_000 }, () => record('c')));
    await turn();

    expect(texts(requests[1]?.batch)).toHaveLength(1_000);
    requests[1]?.ok();
    await many;
  });

  it('keeps one request in flight where order matters', async () => {
    const { requests, producer } = sender();
    const lane = new Lane(producer, env, ordered);

    const first = lane.send([record('a')]);
    await turn();
    const second = lane.send([record('b')]);
    await turn();
    expect(requests).toHaveLength(1);
    requests[0]?.ok();
    await first;
    await turn();

    expect(texts(requests[1]?.batch)).toEqual(['b']);
    requests[1]?.ok();
    await second;
    await lane.idle();
  });

  it('splits what is too large for one request', async () => {
    const { requests, producer } = sender();
    const lane = new Lane(producer, env, { ...ordered, requestsInFlight: 5 });

    const sending = lane.send([record('a', 600_000), record('b', 600_000), record('c', 2_000_000)]);
    await turn();
    await turn();

    expect(requests).toHaveLength(3);
    for (const { ok } of requests) ok();
    await sending;
  });

  it('says once that sending failed, as something that may be tried again', async () => {
    const { requests, producer } = sender();
    const lane = new Lane(producer, env, ordered);

    const sending = lane.send([record('a'), record('b')]);
    await turn();
    requests[0]?.fail(new Error('no leader'));

    const error: unknown = await sending.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(AppError);
    expect(error).toMatchObject({ code: 'UNAVAILABLE', retry: true });
  });

  it('lets senders wait in their order while the brokers do not keep up, and loses nothing of them', async () => {
    const { requests, producer } = sender();
    const lane = new Lane(producer, env, ordered);
    const done: string[] = [];
    const send = (name: string, bytes = 0) => lane.send([record(name, bytes)]).then(() => done.push(name));

    const sends = [send('a', 65_000_000), send('b', 65_000_000), send('c')];
    await turn();
    expect(lane.buffered.bytes).toBeLessThan(66_000_000);
    for (let answered = 0; answered < 3; answered++) {
      requests[answered]?.ok();
      await turn();
    }
    await Promise.all(sends);

    expect(done).toEqual(['a', 'b', 'c']);
    expect(lane.buffered.bytes).toBe(0);
  });
});

describe('brokerProblem', () => {
  const range = (min: number, max: number) =>
    new Map(Array.from({ length: 60 }, (_, key) => [key, { min, max }]));

  it('accepts a broker that speaks what kafkajs speaks', () => {
    expect(brokerProblem('kafka:9092', range(0, 12))).toBeUndefined();
  });

  it('refuses a broker that has dropped the versions kafkajs speaks', () => {
    expect(brokerProblem('kafka:9092', range(9, 20))).toMatch(/accepts Produce requests from version 9/);
  });

  it('recognises the port of a controller', () => {
    expect(brokerProblem('kafka:9093', new Map())).toMatch(/not the controllers'/);
  });
});
