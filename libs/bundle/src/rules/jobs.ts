import { Cron } from 'croner';
import type { Rule } from './rule.js';

const fields = ['minute', 'hour', 'day of month', 'month', 'day of week'];

/** Why a schedule can never fire; undefined when it can. */
function scheduleProblem(schedule: string): string | undefined {
  if (!schedule.startsWith('@') && schedule.trim().split(/\s+/).length !== fields.length) {
    return `expected five fields (${fields.join(', ')}) or @hourly, @daily, @weekly, @monthly`;
  }
  try {
    const next = new Cron(schedule, { mode: '5-part', timezone: 'UTC', paused: true }).nextRun();
    return next ? undefined : 'there is no such date: it never fires';
  } catch (error) {
    return `not a schedule: ${(error as Error).message.replace(/^CronPattern: /, '')}`;
  }
}

/** Is it a name of the IANA time zone database? Offsets such as +02:00 are not: they know no daylight saving. */
function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

export const jobRules: Rule[] = [
  {
    id: 'cron-fires',
    what: 'a schedule is a cron expression of five fields (one minute is the shortest period) that fires some day',
    *check({ manifest }) {
      for (const [index, { schedule }] of (manifest.jobs ?? []).entries()) {
        const problem = scheduleProblem(schedule);
        if (problem) yield { pointer: `/jobs/${index}/schedule`, message: `"${schedule}": ${problem}` };
      }
    },
    holds: { functions: { x: {} }, jobs: [{ name: 'j', schedule: '0 0 29 2 *', function: 'x' }] },
    breaks: { functions: { x: {} }, jobs: [{ name: 'j', schedule: '0 0 30 2 *', function: 'x' }] },
  },
  {
    id: 'time-zone',
    what: 'a time zone is a name of the IANA database',
    *check({ manifest }) {
      for (const [index, { timezone }] of (manifest.jobs ?? []).entries()) {
        if (timezone === undefined || isTimeZone(timezone)) continue;
        yield {
          pointer: `/jobs/${index}/timezone`,
          message: `"${timezone}" is not a time zone: use an IANA name such as Europe/Berlin`,
        };
      }
    },
    holds: {
      functions: { x: {} },
      jobs: [{ name: 'j', schedule: '@daily', timezone: 'Asia/Kathmandu', function: 'x' }],
    },
    breaks: {
      functions: { x: {} },
      jobs: [{ name: 'j', schedule: '@daily', timezone: 'Mars/Olympus', function: 'x' }],
    },
  },
];
