import type { Received } from '@mortise/bus';
import { InspectCommand } from '@mortise/contracts';
import { describe, expect, it } from 'vitest';
import { readBody, readCommand } from './read-command.js';

const record = (value: string | null): Received => ({
  topic: 'executions.interactive',
  key: null,
  value: value === null ? null : Buffer.from(value),
  headers: {},
  partition: 0,
  offset: '0',
  timestamp: 0,
  attempt: 1,
});

describe('the body of a call', () => {
  it('keeps the input as it was sent, whatever its keys are called', () => {
    const body = readBody(Buffer.from('{"function":"f","input":{"constructor":{"a":1}}}'));

    expect(body).toEqual({ function: 'f', input: { constructor: { a: 1 } }, context: undefined });
  });
});

describe('a command', () => {
  it.each([
    ['nothing', null, 'not a JSON object'],
    ['a list', '[]', 'not a JSON object'],
    ['half a value', '{"a":', 'not JSON'],
    ['a value without its fields', '{}', 'is not valid'],
    ['keys that hide its class', '{"constructor":{},"__proto__":{}}', 'is not valid'],
  ])('is refused as %s', (_what, value, reason) => {
    expect(() => readCommand(InspectCommand, record(value))).toThrowError(
      expect.objectContaining({
        code: 'MESSAGE_UNDECODABLE',
        details: { reason: expect.stringContaining(reason) as string },
      }),
    );
  });
});
