import {
  ExecuteInBackground,
  InstallationState,
  PluginState,
  type PluginStateData,
} from '@mortise/contracts';
import { AppError, newId } from '@mortise/service-kit';
import { CloudEvent as Oracle, Kafka } from 'cloudevents';
import { describe, expect, it } from 'vitest';
import { decodeCloudEvent, decodeEvent, encodeCloudEvent, encodeEvent } from './codec.js';
import type { BusRecord, Received } from './record.js';

const state: PluginStateData = {
  pluginId: newId(),
  tenantId: newId(),
  publisher: 'acme',
  slug: 'greeter',
  quarantined: [{ digest: 'd'.repeat(64), reason: 'mines coins' }],
  revision: 3,
};
const received = (record: BusRecord): Received => ({
  ...record,
  partition: 0,
  offset: '0',
  timestamp: 1_700_000_000_000,
  attempt: 1,
});
const code = (act: () => unknown): string | undefined => {
  try {
    act();
    return undefined;
  } catch (error) {
    return error instanceof AppError ? error.code : String(error);
  }
};
const message = {
  id: 'e-1',
  source: '/orders',
  type: 'order.created',
  time: '2026-01-15T12:00:00.000Z',
  subject: 'order/7',
  tenantId: 't-1',
};

describe('encodeEvent and decodeEvent', () => {
  it('bring an event of the catalogue through with its envelope', () => {
    const record = encodeEvent(PluginState, state, {
      id: 'e-1',
      source: '/registry',
      causationId: 'e-0',
      causationDepth: 2,
      sequence: 9,
      traceparent: '00-ab-cd-01',
      acceptedAt: '2026-01-15T12:00:00.000Z',
    });

    const event = decodeEvent(PluginState, received(record));

    expect(record).toMatchObject({ topic: 'plugin-state', key: state.pluginId });
    expect(event).toMatchObject({
      id: 'e-1',
      type: 'plugin.state',
      source: '/registry',
      tenantId: state.tenantId,
      causationId: 'e-0',
      causationDepth: 2,
      sequence: 9,
      traceparent: '00-ab-cd-01',
      acceptedAt: '2026-01-15T12:00:00.000Z',
    });
    expect(event.data).toEqual(state);
  });

  it('write what the cloudevents package reads', () => {
    const { headers, value } = encodeEvent(PluginState, state, { id: 'e-1', source: '/registry' });

    const event = Kafka.toEvent({ headers, value: value?.toString() } as never) as Oracle<PluginStateData>;

    expect(event).toMatchObject({ id: 'e-1', type: 'plugin.state', source: '/registry' });
    expect(event.dataschema).toBe('urn:mortise:schema:plugin.state:v1');
    expect(event.data).toEqual(state);
  });

  it('let unknown properties pass, since versions only add', () => {
    const record = encodeEvent(PluginState, { ...state, later: 1 } as PluginStateData);

    expect(decodeEvent(PluginState, received(record)).data.revision).toBe(3);
  });

  it('keep free-form JSON as it came, whatever its keys are called', () => {
    const command = {
      executionId: newId(),
      tenantId: newId(),
      installationId: newId(),
      acceptedAt: '2026-01-15T12:00:00.000Z',
      trigger: 'call' as const,
      attempt: 1,
      input: JSON.parse('{"constructor":1,"nested":[{"__proto__":2}]}') as unknown,
    };

    const { data } = decodeEvent(ExecuteInBackground, received(encodeEvent(ExecuteInBackground, command)));

    expect(data.input).toEqual(command.input);
  });

  it('are not led astray by names that JavaScript uses', () => {
    const record = encodeEvent(PluginState, state);
    const value = Buffer.from(
      `{"constructor":1,"__proto__":{"revision":9},${JSON.stringify(state).slice(1)}`,
    );

    expect(decodeEvent(PluginState, received({ ...record, value })).data).toEqual(state);
  });

  it.each([
    ['a value that is not JSON', { value: Buffer.from('{') }],
    ['a value that is no object', { value: Buffer.from('[]') }],
    ['no value', { value: null }],
    ['no type', { headers: { ce_type: '' } }],
    ['another type', { headers: { ce_type: 'plugin.uploaded' } }],
    ['no id', { headers: { ce_id: '' } }],
    ['a field of the wrong type', { value: Buffer.from(JSON.stringify({ ...state, revision: 'three' })) }],
    [
      'a nested field of the wrong type',
      { value: Buffer.from(JSON.stringify({ ...state, quarantined: [{}] })) },
    ],
  ])('refuse %s', (_, change: Partial<BusRecord>) => {
    const record = encodeEvent(PluginState, state);
    const broken = { ...record, ...change, headers: { ...record.headers, ...change.headers } };

    expect(code(() => decodeEvent(PluginState, received(broken)))).toBe('MESSAGE_UNDECODABLE');
  });

  it('name the place that does not fit', () => {
    const record = encodeEvent(PluginState, { ...state, quarantined: [{ digest: 1 } as never] });

    expect(() => decodeEvent(PluginState, received(record))).toThrow('/quarantined/0/digest');
    expect(() => decodeEvent(InstallationState, received(record))).toThrow('not installation.state');
  });
});

describe('encodeCloudEvent and decodeCloudEvent', () => {
  it('bring events of others through, JSON parsed and text as text', () => {
    const json = encodeCloudEvent({ ...message, data: { total: 7 } }, 'platform-events', 'order/7');
    const csv = encodeCloudEvent(
      { ...message, datacontenttype: 'text/csv', data: 'a,b' },
      'platform-events',
      null,
    );

    expect(decodeCloudEvent(json)).toMatchObject({ ...message, data: { total: 7 }, causationDepth: 0 });
    expect(decodeCloudEvent(csv)).toMatchObject({ datacontenttype: 'text/csv', data: 'a,b' });
  });

  it.each(['binary', 'structured'] as const)('read what the cloudevents package writes, %s mode', (mode) => {
    const { tenantId: _, ...plain } = message;
    const sent = new Oracle({ ...plain, datacontenttype: 'application/json', data: { total: 7 } });
    const { headers, value } = Kafka[mode](sent);
    const texts = Object.fromEntries(
      Object.entries(headers).flatMap(([name, text]) => (text === undefined ? [] : [[name, String(text)]])),
    );
    const bytes = Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));

    const event = decodeCloudEvent({ topic: 'platform-events', key: null, value: bytes, headers: texts });

    expect(event).toMatchObject({
      id: 'e-1',
      source: '/orders',
      type: 'order.created',
      subject: 'order/7',
      data: { total: 7 },
    });
  });

  it('refuse records that are no CloudEvents', () => {
    const decode = (headers: Record<string, string>) => () =>
      decodeCloudEvent({ topic: 'platform-events', key: null, value: Buffer.from('{}'), headers });

    expect(code(decode({}))).toBe('MESSAGE_UNDECODABLE');
    expect(code(decode({ ce_specversion: '0.3', ce_id: '1', ce_source: '/', ce_type: 't' }))).toBe(
      'MESSAGE_UNDECODABLE',
    );
    expect(code(decode({ 'content-type': 'application/cloudevents+json' }))).toBe('MESSAGE_UNDECODABLE');
  });
});
