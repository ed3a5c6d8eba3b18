import type { CloudEvent, Context } from '@mortise/sdk';

const prefix = 'count/';

/** Runs for `record.created`: one more for the record's table. */
export async function count(event: CloudEvent<{ table?: string }>, ctx: Context): Promise<void> {
  const key = `${prefix}${event.data?.table ?? 'unknown'}`;
  await ctx.storage.set(key, ((await ctx.storage.get<number>(key)) ?? 0) + 1);
}

interface Summary {
  total: number;
  top: { table: string; records: number }[];
}

/** Runs each hour: says what came in since the last time, and starts again at zero. */
export async function summarise(_tick: unknown, ctx: Context<{ top: number }>): Promise<Summary> {
  const counted: { table: string; records: number }[] = [];
  for (let cursor: string | null | undefined; cursor !== null;) {
    const page = await ctx.storage.list(prefix, cursor === undefined ? {} : { cursor });
    for (const key of page.keys) {
      counted.push({ table: key.slice(prefix.length), records: (await ctx.storage.get<number>(key)) ?? 0 });
    }
    ({ cursor } = page);
  }
  counted.sort((a, b) => b.records - a.records || (a.table < b.table ? -1 : 1));
  const summary = {
    total: counted.reduce((sum, { records }) => sum + records, 0),
    top: counted.slice(0, ctx.config.top),
  };
  ctx.log.info(`${summary.total} new records in ${counted.length} tables`, { ...summary });
  await ctx.events.emit('digest.ready', summary);
  for (const { table } of counted) await ctx.storage.delete(`${prefix}${table}`);
  return summary;
}
