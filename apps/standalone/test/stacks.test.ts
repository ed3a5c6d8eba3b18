import { describe, expect, it } from 'vitest';
import { newTenant } from './client.js';

describe('the error of a plugin', () => {
  it('names the lines of its sources, in the answer and in the record, and nothing of the host', async () => {
    const tenant = await newTenant();
    const { id } = await tenant.deploy({
      main: `export function pay() {\n  throw new Error('no money'); }`,
      // Both lines of the bundle are the lines of the same number in src/pay.ts.
      files: {
        'main.js.map': JSON.stringify({
          version: 3,
          sources: ['../src/pay.ts'],
          names: [],
          mappings: 'AAAA;AACA',
        }),
      },
    });

    const { status, body } = await tenant.execute(id, 'pay');

    expect([status, body.code]).toEqual([422, 'EXECUTION_FAILED']);
    expect(body.details.stack).toMatch(/^Error: no money\n\s+at .*src\/pay\.ts:2:1\)?$/);
    const record = await tenant.ended(body.executionId);
    expect(record.body.error.stack).toBe(body.details.stack);
  });
});
