import { deadLetterHeaders } from '@mortise/bus';
import { describe, expect, it } from 'vitest';
import { shown } from './shown.js';

describe('a dead letter as operators see it', () => {
  it('has its text as it came, and what the bus added apart from it', () => {
    const text = '{ "name" : "x" }';

    expect(shown({ ce_id: '1', [deadLetterHeaders.offset]: '7' }, Buffer.from(text))).toMatchObject({
      headers: { ce_id: '1' },
      offset: '7',
      value: text,
      encoding: 'utf8',
      masked: false,
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  it('has bytes that are no text in base64', () => {
    expect(shown({}, Buffer.from([0, 255]))).toMatchObject({ value: 'AP8=', encoding: 'base64' });
    expect(shown({}, null)).toMatchObject({ value: null, sha256: null, masked: false });
  });

  it('hides what looks like a secret, by name and by form', () => {
    const value = Buffer.from(
      JSON.stringify({
        request: { headers: { Authorization: 'Bearer abcdefghijkl', accept: '*/*' } },
        password: { nested: 'hunter2' },
        note: 'use mk_0123456789abcdef now',
      }),
    );

    const seen = shown({ 'x-api-key': 'k', a: 'Bearer abcdefghijkl' }, value);

    expect(seen.headers).toEqual({ 'x-api-key': '***', a: '***' });
    expect(JSON.parse(seen.value ?? '')).toEqual({
      request: { headers: { Authorization: '***', accept: '*/*' } },
      password: '***',
      note: 'use *** now',
    });
    expect(seen.masked).toBe(true);
  });

  it('hides them in text that is no JSON too', () => {
    expect(shown({}, Buffer.from('{"x": Bearer abcdefghijkl')).value).toBe('{"x": ***');
  });
});
