import type { Violation } from '../violation.ts';
import type { History } from '../history.ts';
import type { Observed } from '../observed.ts';

/** Dead letters are the messages that nobody can read, all of them and nothing else. */
export function* deadLetters({ poison }: History, { deadLetters }: Observed): Generator<Violation> {
  const meant = new Set(poison);
  for (const { service, key, reason } of deadLetters)
    if (!meant.has(key)) yield { rule: 'dead letter', subject: key, what: `${service}: ${reason}` };
  const found = new Set(deadLetters.map(({ key }) => key));
  for (const key of poison)
    if (!found.has(key)) yield { rule: 'lost', subject: key, what: 'poison that is no dead letter' };
}

/** A package that was accepted can be fetched again, byte for byte. */
export function* packages({ asked }: History, observed: Observed): Generator<Violation> {
  const digests = new Map(observed.packages.map(({ path, digest }) => [path, digest]));
  for (const { nonce, status, package: sent } of asked) {
    if (status !== 201 || !sent) continue;
    const found = digests.get(sent.path);
    if (found !== sent.digest)
      yield { rule: 'package lost', subject: nonce, what: `${sent.path}: ${found ?? 'nothing'}` };
  }
}
