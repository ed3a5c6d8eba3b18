import type { Violation } from '../violation.ts';
import { hit, type History } from '../history.ts';
import type { Observed } from '../observed.ts';

/** A second run has the key of the first, and happened only because the first died with its process. */
export function* secondRuns({ injected }: History, { marks }: Observed): Generator<Violation> {
  for (const [id, runs] of Map.groupBy(marks, ({ execution }) => execution)) {
    if (new Set(runs.map(({ key }) => key)).size > 1)
      yield { rule: 'another key', subject: id, what: 'ran again with another idempotency key' };
    for (const [index, run] of runs.entries()) {
      const before = runs[index - 1];
      if (!before || before.attempt !== run.attempt || hit(injected, 'executor', before.at, run.at)) continue;
      yield {
        rule: 'ran again',
        subject: id,
        what: 'ran again although nothing had happened to its process',
      };
    }
  }
}
