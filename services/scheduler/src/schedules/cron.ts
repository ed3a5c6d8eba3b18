import { Cron } from 'croner';
import { LRUCache } from 'lru-cache';

// A parsed expression costs 81 KB: only those in use are kept.
const parsed = new LRUCache<string, Cron>({ max: 500 });

const parse = (expression: string, timezone: string): Cron => {
  const key = `${timezone} ${expression}`;
  const known = parsed.get(key);
  if (known) return known;
  const cron = new Cron(expression, { timezone, mode: '5-part', paused: true });
  parsed.set(key, cron);
  return cron;
};

/**
 * The first time after `afterMs` at which a five-field expression fires on the clocks of a time zone. A time that the
 * change to summer time leaves out fires right after the gap; one that comes twice in autumn fires the first time.
 * @returns milliseconds since 1970; undefined when it never fires again
 * @throws Error when the expression or the zone is not one
 */
export function nextRun(expression: string, timezone: string, afterMs: number): number | undefined {
  return parse(expression, timezone).nextRun(new Date(afterMs))?.getTime();
}

/** A delay that spreads jobs of one expression: the same for a schedule each time, below `jitterS`. */
export function jitterMs(scheduleId: string, jitterS: number): number {
  if (jitterS <= 0) return 0;
  return (Number.parseInt(scheduleId.slice(-8), 16) % (jitterS * 1_000)) | 0;
}

/** The next due time of a schedule, jitter included. */
export function nextDue(
  schedule: { id: string; cron: string; timezone: string; jitterS: number },
  afterMs: number,
): number | undefined {
  const jitter = jitterMs(schedule.id, schedule.jitterS);
  const next = nextRun(schedule.cron, schedule.timezone, afterMs - jitter);
  return next === undefined ? undefined : next + jitter;
}
