import { AppError } from '@mortise/service-kit';
import { describe, expect, it } from 'vitest';
import { readEvent } from './read-event.js';
import { sourceOf } from './source.js';

const json = { 'content-type': 'application/json' };
const structured = { 'content-type': 'application/cloudevents+json; charset=utf-8' };
const event = { specversion: '1.0', id: '1', source: '/shop', type: 'order.created', data: { total: 3 } };
const refusal = (headers: Record<string, string>, body: unknown) => {
  try {
    readEvent(headers, body);
  } catch (error) {
    if (error instanceof AppError) return { code: error.code, at: error.errors?.map((e) => e.pointer) };
  }
  return undefined;
};

describe('an event sent to the API', () => {
  it('is read in structured and in binary mode', () => {
    const binary = {
      ...json,
      'ce-specversion': '1.0',
      'ce-id': '1',
      'ce-source': '/shop',
      'ce-type': 'order.created',
    };

    expect(readEvent(structured, event)).toEqual({
      id: '1',
      source: '/shop',
      type: 'order.created',
      data: { total: 3 },
    });
    expect(readEvent(binary, { total: 3 })).toEqual({
      id: '1',
      source: '/shop',
      type: 'order.created',
      datacontenttype: 'application/json',
      data: { total: 3 },
    });
  });

  it('without type, or with anything else wrong, is refused naming every place', () => {
    const { type: _, ...untyped } = event;

    expect(refusal(structured, untyped)).toEqual({ code: 'EVENT_INVALID', at: ['/type'] });
    expect(refusal(structured, { ...event, specversion: '0.3', id: '', time: 'yesterday' })).toEqual({
      code: 'EVENT_INVALID',
      at: ['/specversion', '/id', '/time'],
    });
    expect(refusal(json, { total: 3 })).toEqual({
      code: 'EVENT_INVALID',
      at: ['/specversion', '/id', '/source', '/type'],
    });
    expect(refusal(structured, [event])).toEqual({ code: 'EVENT_INVALID', at: [''] });
  });

  it('with what no text of an event may hold is refused', () => {
    for (const [name, value] of [
      ['id', 'a\0b'],
      ['subject', 'line\nbreak'],
      ['source', 'half \ud800'],
    ] as const)
      expect(refusal(structured, { ...event, [name]: value })).toEqual({
        code: 'EVENT_INVALID',
        at: [`/${name}`],
      });
    expect(readEvent(structured, { ...event, subject: 'größer 😀' }).subject).toBe('größer 😀');
  });

  it("may be the host product's own, never the platform's", () => {
    expect(readEvent(structured, { ...event, type: 'record.created' }).type).toBe('record.created');
    for (const type of ['plugin.uploaded', 'installation.activated', 'execution.succeeded', 'auth.forged'])
      expect(refusal(structured, { ...event, type })?.code).toBe('EVENT_TYPE_RESERVED');
  });

  it('gets a source nobody else can claim', () => {
    const caller = {
      tenantId: 't',
      tenantSlug: 'acme',
      roles: [],
      subject: 'key:mk_1a2b',
      requestId: 'r',
    };

    expect(sourceOf(caller, '/other/../shop?x')).toBe('/acme/mk_1a2b/%2Fother%2F..%2Fshop%3Fx');
  });
});
