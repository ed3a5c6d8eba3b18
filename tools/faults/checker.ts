// Holds what callers were told against what the platform has recorded. Pure: a run, a test and a replay of a run's
// files judge alike.
import type { History } from './history.ts';
import type { Observed } from './observed.ts';
import { strangersReplies, unanswered } from './rules/callers.ts';
import { deadLetters, packages } from './rules/leftovers.ts';
import { changes } from './rules/lifecycle.ts';
import { blamed, contradictions, lostOrOpen, matches, ticks } from './rules/outcomes.ts';
import { secondRuns } from './rules/runs.ts';
import type { Violation } from './violation.ts';

const rules = [
  lostOrOpen,
  matches,
  ticks,
  contradictions,
  blamed,
  secondRuns,
  strangersReplies,
  unanswered,
  changes,
  deadLetters,
  packages,
];

/** Everything that does not hold; nothing when the platform kept its word. */
export const check = (history: History, observed: Observed): Violation[] =>
  rules.flatMap((rule) => [...rule(history, observed)]);
