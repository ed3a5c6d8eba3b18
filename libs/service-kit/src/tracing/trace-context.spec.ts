import { describe, expect, it } from 'vitest';
import { isSampled, spanContextOf, traceparentOf, toTraceparent } from './trace-context.js';

const traceId = 'a'.repeat(32);
const sampled = `00-${traceId}-${'b'.repeat(16)}-01`;

describe('a trace context', () => {
  it('is read and written as W3C has it', () => {
    expect(toTraceparent(spanContextOf(sampled) as NonNullable<ReturnType<typeof spanContextOf>>)).toBe(
      sampled,
    );
    expect(traceparentOf(sampled)).toBe(sampled);
  });

  it.each([
    undefined,
    '',
    'x',
    `00-${'0'.repeat(32)}-${'b'.repeat(16)}-01`,
    `00-${traceId}-${'0'.repeat(16)}-01`,
    `ff-${traceId}-${'b'.repeat(16)}-01`,
    `${sampled}-more`,
  ])('is none when it says %j', (text) => {
    expect(spanContextOf(text)).toBeUndefined();
    expect(isSampled(text)).toBe(false);
    expect(traceparentOf(text)).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  });
});
