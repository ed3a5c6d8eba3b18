import { until } from '@mortise/testing';
import { describe, expect, it } from 'vitest';
import { fresh, newTenant } from './client.js';

describe('events that cause events', () => {
  it('are cut when one plugin answers each with ten, and when it answers for ever', async () => {
    const tenant = await newTenant();
    const type = `chain.${fresh('t')}`;
    const { id } = await tenant.deploy({
      main: `export async function answer(event, ctx) { for (let n = 0; n < 10; n++) await ctx.events.emit('${type}', {}) }`,
      manifest: { events: [{ on: type, function: 'answer' }] },
    });
    await tenant.post('/events', { specversion: '1.0', id: fresh(), source: '/test', type, data: {} });

    // The refused ones fail, and then there is nothing left to run.
    const ended = await until(
      async () => {
        const { body } = await tenant.get(`/executions?installation=${id}&limit=200`);
        const statuses: string[] = body.data.map(({ status }: { status: string }) => status);
        const isQuiet =
          statuses.length > 100 && statuses.every((status) => ['succeeded', 'failed'].includes(status));
        return isQuiet ? body : undefined;
      },
      'the chain ends',
      30_000,
    );

    expect(ended.data).toHaveLength(101);
    expect(ended.page?.next ?? null).toBeNull();
    const failed = ended.data.find(({ status }: { status: string }) => status === 'failed');
    expect((await tenant.get(`/executions/${failed.id}`)).body.error.code).toBe('CAUSATION_TOO_WIDE');
  });
});
