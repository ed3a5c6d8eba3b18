import type { Violation } from '../violation.ts';
import { hit, type Asked, type History } from '../history.ts';
import { hasEnded, type Observed } from '../observed.ts';
import { timeoutMs } from '../plugin.ts';

/** After its deadline a call is answered within 250 ms; the rest is for a machine whose two cores do everything. */
export const answerWithinMs = timeoutMs + 250 + 2_500;

/** An answer is that of the question. */
export function* strangersReplies({ asked }: History): Generator<Violation> {
  for (const { kind, nonce, installation, echoed } of asked)
    if (kind === 'sync' && echoed && (echoed.nonce !== nonce || echoed.installation !== installation))
      yield { rule: 'another reply', subject: nonce, what: `was answered ${JSON.stringify(echoed)}` };
}

/** Callers get an answer in time, and it never says that nobody had thought of this; one without a result names the execution, and that has a record. */
export function* unanswered(
  { asked, injected, installed }: History,
  observed: Observed,
): Generator<Violation> {
  const records = new Map(observed.executions.map(({ id, status }) => [id, status]));
  const steady = new Set(installed.filter((one) => one.steady).map(({ id }) => id));
  for (const one of asked) {
    const { nonce, sentAt, answeredAt, status, error, executionId } = one;
    // Whoever speaks to a gateway that dies or stands still hears nothing from it.
    if (hit(injected, 'gateway', sentAt, answeredAt)) continue;
    if (error === 'SILENCE') yield { rule: 'silence', subject: nonce, what: `${one.kind}: no answer at all` };
    else if (status === 0) yield { rule: 'broken', subject: nonce, what: `${one.kind}: ${error}` };
    if (refusedWrongly(one, steady))
      yield { rule: 'refused', subject: nonce, what: `${one.kind}: ${status} ${error}` };
    if (status === 500) yield { rule: 'internal', subject: nonce, what: `${one.kind}: 500 ${error}` };
    if (one.kind !== 'sync') continue;
    if (answeredAt - sentAt > answerWithinMs)
      yield { rule: 'late', subject: nonce, what: `answered ${status} after ${answeredAt - sentAt} ms` };
    if (status >= 500 && !executionId)
      yield { rule: 'no id', subject: nonce, what: `${status} ${error} names no execution` };
    if (status === 504 && executionId && !hasEnded(records.get(executionId) ?? ''))
      yield { rule: 'lost', subject: executionId, what: `the 504 of ${nonce} has no record` };
  }
}

/** Nothing is wrong with what is asked, so a 4xx blames the caller for the platform's trouble; but what is changed meanwhile may be inactive. */
const refusedWrongly = ({ status, installation }: Asked, steady: ReadonlySet<string>): boolean =>
  status >= 400 &&
  status < 500 &&
  status !== 429 &&
  !(status === 409 && installation !== undefined && !steady.has(installation));
