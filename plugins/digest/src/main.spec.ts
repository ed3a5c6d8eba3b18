import { createTestContext } from '@mortise/sdk/testing';
import { describe, expect, it } from 'vitest';
import { count, summarise } from './main.js';

const recordCreated = (table: string) => ({
  specversion: '1.0' as const,
  id: `record-in-${table}`,
  source: '/records',
  type: 'record.created',
  data: { table },
});

describe('digest', () => {
  it('sums up what was counted, the fullest tables first', async () => {
    const ctx = createTestContext({ config: { top: 2 } });
    for (const table of ['tasks', 'people', 'tasks', 'notes']) await count(recordCreated(table), ctx);

    const summary = await summarise({ job: 'hourly', dueAt: '2026-01-01T00:00:00Z' }, ctx);

    expect(summary).toEqual({
      total: 4,
      top: [
        { table: 'tasks', records: 2 },
        { table: 'notes', records: 1 },
      ],
    });
    expect(ctx.logged).toMatchObject([{ message: '4 new records in 3 tables' }]);
    expect(ctx.emitted).toMatchObject([{ type: 'digest.ready', data: summary }]);
  });

  it('starts again after a summary', async () => {
    const ctx = createTestContext({ config: { top: 2 }, storage: { 'count/tasks': 3, other: 'stays' } });

    await summarise(null, ctx);

    expect(ctx.stored()).toEqual({ other: 'stays' });
    expect(await summarise(null, ctx)).toEqual({ total: 0, top: [] });
  });

  it('reads page by page', async () => {
    const storage = Object.fromEntries(Array.from({ length: 250 }, (_, index) => [`count/t${index}`, 1]));

    expect(await summarise(null, createTestContext({ config: { top: 1 }, storage }))).toMatchObject({
      total: 250,
    });
  });
});
