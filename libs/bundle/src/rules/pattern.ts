import safeRegex from 'safe-regex2';
import * as ret from 'ret';
import { types, type Root, type SetTokens, type Token } from 'ret';

// Its types promise a named export that the published file does not have.
const parsePattern = (ret as unknown as { default: typeof ret.tokenizer }).default;

/** Judging takes time that grows with the square of the length. */
const lengthMax = 1_000;

/**
 * Why a pattern of an author's schema is refused; undefined when it is fine. Patterns run on the platform's threads
 * against whatever callers send, so one that can backtrack without end is a weapon.
 */
export function patternProblem(source: string): string | undefined {
  if (source.length > lengthMax) return `it is longer than ${lengthMax} characters`;
  try {
    new RegExp(source, 'u');
  } catch (error) {
    return `not a regular expression: ${(error as Error).message.replace(/^Invalid regular expression: /, '')}`;
  }
  const slow = 'it can take exponential time:';
  if (!safeRegex(source)) return `${slow} a repetition holds another one, or there are too many`;
  const root = parsePattern(source);
  if (hasOverlappingChoice(root, false)) return `${slow} a repeated choice has branches that begin alike`;
  if (hasOverlappingNeighbours(root))
    return `${slow} two endless repetitions side by side match the same characters`;
  return undefined;
}

type Branch = Token[];
type Range = readonly [number, number];
interface First {
  ranges: Range[];
  /** May match nothing at all. */
  isEmpty: boolean;
}

const anything: Range = [0, 0x10ffff];
const overlaps = (a: Range[], b: Range[]) =>
  a.some(([low, high]) => b.some(([from, to]) => low <= to && from <= high));

function branches(token: Root | Token): Branch[] {
  if (token.type === types.ROOT || token.type === types.GROUP) return token.options ?? [token.stack ?? []];
  return token.type === types.REPETITION ? [[token.value]] : [];
}

/** (a|ab)* tries each way to split the text. */
function hasOverlappingChoice(token: Root | Token, isRepeated: boolean): boolean {
  const repeats = isRepeated || (token.type === types.REPETITION && token.max > 1);
  const all = branches(token);
  if (repeats && all.length > 1) {
    const firsts = all.map(firstOf);
    const clash = firsts.some(
      (first, at) =>
        first.isEmpty || firsts.slice(at + 1).some((other) => overlaps(first.ranges, other.ranges)),
    );
    if (clash) return true;
  }
  return all.some((branch) => branch.some((inner) => hasOverlappingChoice(inner, repeats)));
}

/** a*a* splits a run of a's at each place, and so does a*b?a*. */
function hasOverlappingNeighbours(token: Root | Token): boolean {
  return branches(token).some((branch) => {
    let open: Range[] = [];
    for (const part of branch) {
      const { ranges, isEmpty } = firstOf([part]);
      const isEndless = part.type === types.REPETITION && part.max === Infinity;
      if (isEndless && overlaps(open, ranges)) return true;
      if (!isEmpty) open = [];
      if (isEndless) open = [...open, ...ranges];
    }
    return branch.some(hasOverlappingNeighbours);
  });
}

/** The characters a branch can begin with. */
function firstOf(branch: Branch): First {
  const ranges: Range[] = [];
  for (const token of branch) {
    const first = firstOfToken(token);
    ranges.push(...first.ranges);
    if (!first.isEmpty) return { ranges, isEmpty: false };
  }
  return { ranges, isEmpty: true };
}

function firstOfToken(token: Token): First {
  switch (token.type) {
    case types.CHAR:
      return { ranges: [[token.value, token.value]], isEmpty: false };
    case types.SET:
      return { ranges: setRanges(token.set, token.not), isEmpty: false };
    case types.POSITION:
      return { ranges: [], isEmpty: true };
    case types.REFERENCE:
      return { ranges: [anything], isEmpty: true };
    case types.REPETITION: {
      const inner = firstOfToken(token.value);
      return { ranges: inner.ranges, isEmpty: inner.isEmpty || token.min === 0 };
    }
    case types.GROUP: {
      if (token.followedBy || token.notFollowedBy || token.lookBehind) return { ranges: [], isEmpty: true };
      const firsts = branches(token).map(firstOf);
      return {
        ranges: firsts.flatMap(({ ranges }) => ranges),
        isEmpty: firsts.some(({ isEmpty }) => isEmpty),
      };
    }
  }
}

function setRanges(set: SetTokens, isNegated: boolean): Range[] {
  const ranges = set.flatMap((token): Range[] => {
    if (token.type === types.SET) return setRanges(token.set, token.not);
    return token.type === types.RANGE ? [[token.from, token.to]] : [[token.value, token.value]];
  });
  return isNegated ? complement(ranges) : ranges;
}

function complement(ranges: Range[]): Range[] {
  const found: Range[] = [];
  let from = 0;
  for (const [low, high] of ranges.toSorted(([a], [b]) => a - b)) {
    if (low > from) found.push([from, low - 1]);
    from = Math.max(from, high + 1);
  }
  return from <= anything[1] ? [...found, [from, anything[1]]] : found;
}
