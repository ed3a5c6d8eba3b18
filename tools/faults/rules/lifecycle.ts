import type { Violation } from '../violation.ts';
import type { Asked, History } from '../history.ts';
import type { Observed, Told } from '../observed.ts';

/** No change of an installation is lost, in the database, on the topics or in what calls see; none goes back. */
export function* changes(history: History, observed: Observed): Generator<Violation> {
  const asked = Map.groupBy(
    history.asked.filter(({ kind }) => kind === 'change'),
    ({ installation }) => installation ?? '',
  );
  for (const [id, all] of asked) {
    const now = observed.installations.find((one) => one.id === id);
    const say = (rule: string, what: string): Violation => ({ rule, subject: id, what });
    if (!now) {
      yield say('lost', 'the installation is gone');
      continue;
    }
    const possible = lastCounters(all);
    if (!possible.includes(now.counter))
      yield say('change lost', `counter is ${now.counter}, not ${possible.join(' or ')}`);
    const seen = observed.seen.find(({ installation }) => installation === id)?.counter;
    if (seen !== now.counter)
      yield say('change lost', `calls see counter ${String(seen)}, not ${now.counter}`);
    const revisions = all.filter(({ status }) => status === 200).flatMap(({ revision }) => revision ?? []);
    for (const topic of ['lifecycle', 'states'] as const)
      yield* onTopic(topic, id, observed[topic], revisions, now.revision);
  }
}

/** What the counter may be: the last one acknowledged, or a later one whose answer never came. */
function lastCounters(changes: Asked[]): number[] {
  const configured = changes.filter(({ counter }) => counter !== undefined);
  const last = configured.findLastIndex(({ status }) => status === 200);
  return configured
    .slice(Math.max(last, 0))
    .filter(({ status }) => status === 200 || status === 0 || status >= 500)
    .map(({ counter }) => counter as number);
}

function* onTopic(
  topic: string,
  id: string,
  told: Told[],
  acknowledged: number[],
  current: number,
): Generator<Violation> {
  const own = told.filter(({ installation }) => installation === id).map(({ revision }) => revision);
  const known = new Set(own);
  const missing = acknowledged.filter((revision) => !known.has(revision));
  if (missing.length > 0)
    yield { rule: 'change lost', subject: id, what: `${topic} never told revision ${missing.join(', ')}` };
  const firsts = [...known];
  const back = firsts.findIndex((revision, index) => index > 0 && revision < (firsts[index - 1] as number));
  if (back > 0)
    yield {
      rule: 'back in time',
      subject: id,
      what: `${topic} told revision ${firsts[back]} after ${firsts[back - 1]}`,
    };
  if (own.at(-1) !== current)
    yield {
      rule: 'back in time',
      subject: id,
      what: `${topic} ends with revision ${own.at(-1)}, not ${current}`,
    };
}
