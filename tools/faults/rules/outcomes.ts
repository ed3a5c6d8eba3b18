import type { Asked, History } from '../history.ts';
import { hasEnded, type Observed } from '../observed.ts';
import type { Violation } from '../violation.ts';

const minuteMs = 60_000;
/** How late a schedule may be when the platform starts or the run ends without its tick being missed. */
const edgeMs = 5_000;

/** What was promised an end, by execution: why we know of it. */
function promised(history: History, observed: Observed): Map<string, string> {
  const ids = new Map<string, string>();
  for (const { kind, status, executionId, nonce } of history.asked)
    if ((kind === 'async' || kind === 'run-now') && status === 202 && executionId)
      ids.set(executionId, `${kind} ${nonce}`);
  for (const { execution, job, dueAt } of observed.fires)
    if (!ids.has(execution)) ids.set(execution, `tick of ${job} at ${new Date(dueAt).toISOString()}`);
  return ids;
}

const taken = (history: History): Map<string, Asked> =>
  new Map(
    history.asked.filter(({ kind, status }) => kind === 'event' && status === 202).map((e) => [e.nonce, e]),
  );

/** Everything accepted has one record, and the record has ended. */
export function* lostOrOpen(history: History, observed: Observed): Generator<Violation> {
  const records = Map.groupBy(observed.executions, ({ id }) => id);
  for (const [id, why] of promised(history, observed)) {
    const found = records.get(id) ?? [];
    if (found.length === 0)
      yield { rule: 'lost', subject: id, what: `${why} was accepted and has no record` };
    if (found.length > 1) yield { rule: 'twice', subject: id, what: `${why} has ${found.length} records` };
  }
  for (const { id, status, trigger } of observed.executions)
    if (!hasEnded(status)) yield { rule: 'stuck', subject: id, what: `${trigger} is still ${status}` };
  for (const { where, what } of observed.waiting) yield { rule: 'stuck', subject: where, what };
}

/** Each event that was taken ran once in each installation that hears it. */
export function* matches(history: History, observed: Observed): Generator<Violation> {
  const caused = Map.groupBy(
    observed.executions.filter(({ trigger }) => trigger === 'event'),
    ({ causation, installation }) => `${causation}/${installation}`,
  );
  for (const [nonce, { tenant }] of taken(history)) {
    for (const { id, steady } of history.installed.filter((one) => one.tenant === tenant)) {
      const count = caused.get(`${nonce}/${id}`)?.length ?? 0;
      if (count === 0 && steady)
        yield { rule: 'lost', subject: nonce, what: `the event never ran in installation ${id}` };
      if (count > 1)
        yield {
          rule: 'twice',
          subject: nonce,
          what: `the event is ${count} executions in installation ${id}`,
        };
    }
  }
}

/** Every job of an installation that stayed active fired in each minute of the run, once. */
export function* ticks(history: History, observed: Observed): Generator<Violation> {
  const fired = Map.groupBy(observed.fires, (fire) => `${fire.installation}/${fire.job}/${fire.dueAt}`);
  for (const [tick, fires] of fired)
    if (fires.length > 1)
      yield { rule: 'twice', subject: tick, what: `the tick fired ${fires.length} times` };
  const first = Math.ceil((history.startedAt + edgeMs) / minuteMs) * minuteMs;
  for (const { id, steady, jobs } of history.installed)
    for (let dueAt = first; steady && dueAt < history.calmAt - edgeMs; dueAt += minuteMs)
      for (const job of jobs)
        if (!fired.has(`${id}/${job}/${dueAt}`))
          yield {
            rule: 'lost',
            subject: id,
            what: `${job} did not fire at ${new Date(dueAt).toISOString()}`,
          };
}

/** Only one end of an execution is ever told, however often. */
export function* contradictions(history: History, observed: Observed): Generator<Violation> {
  // A call without an answer is told as timed out, and its executor may know better later.
  const calls = new Set(history.asked.filter(({ kind }) => kind === 'sync').map((call) => call.executionId));
  for (const [id, told] of Map.groupBy(observed.outcomes, ({ execution }) => execution)) {
    const statuses = new Set(told.map(({ status }) => status));
    if (statuses.size > 1 && !calls.has(id))
      yield { rule: 'two ends', subject: id, what: `was told to be ${[...statuses].join(' and ')}` };
  }
}

/** What the functions of the workload never do, whatever breaks around them. */
const never = new Set(['out_of_memory', 'security_violation', 'cancelled', 'dead_lettered']);

/** Nobody's plugin is blamed for the platform's trouble. */
export function* blamed({ installed }: History, { executions }: Observed): Generator<Violation> {
  const steady = new Set(installed.filter((one) => one.steady).map(({ id }) => id));
  for (const { id, status, installation, trigger } of executions)
    if (never.has(status) || (status === 'denied' && steady.has(installation)))
      yield { rule: 'blamed', subject: id, what: `${trigger} ended as ${status}` };
}
