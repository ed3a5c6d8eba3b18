import { isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, visit } from 'yaml';
import { intake } from '@mortise/contracts';
import type { Place } from './text-place.js';
import { pointerTo, TextProblem, type Parsed } from './text-problem.js';

/** How often aliases may be followed: enough to share a block, too few to blow up. */
const aliasesMax = 100;
/** A bomb in the making is refused before the parser recurses into it. */
const flowDepth = new RegExp(`[\\[{]{${intake.jsonDepth}}`);

/** YAML 1.2 with the core schema, whatever a directive in the text says; no tags, one document, string keys. */
export function parseStrictYaml(source: string): Parsed {
  const text = withoutDirectives(source);
  const lines = new LineCounter();
  if (flowDepth.test(text)) throw tooDeep();
  const document = guarded(() =>
    parseDocument(text, {
      version: '1.2',
      schema: 'core',
      strict: true,
      uniqueKeys: true,
      prettyErrors: false,
      merge: false,
      stringKeys: false,
      logLevel: 'silent',
      lineCounter: lines,
    }),
  );
  const placeOf = (offset: number | undefined): Place => {
    const { line, col } = lines.linePos(offset ?? 0);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const problem = document.errors[0] ?? document.warnings.find(({ code }) => code !== 'TAG_RESOLVE_FAILED');
  if (problem) throw new TextProblem(`not valid YAML: ${problem.message}`, 'yaml', placeOf(problem.pos[0]));
  guarded(() => refuseTagsAndOddKeys(document.contents, placeOf));
  const value = guarded((): unknown => document.toJS({ maxAliasCount: aliasesMax }));
  return { value, places: guarded(() => placesOf(document.contents, placeOf)) };
}

/** `%YAML 1.1` would turn `on:` into true. Directives become comments, so every position stays. */
function withoutDirectives(text: string): string {
  const lines = text.split('\n');
  for (const [index, line] of lines.entries()) {
    if (line.startsWith('%')) lines[index] = `#${line.slice(1)}`;
    else if (line.trim() !== '' && !line.startsWith('#')) break;
  }
  return lines.join('\n');
}

function refuseTagsAndOddKeys(root: unknown, placeOf: (offset: number | undefined) => Place): void {
  if (!isNode(root)) return;
  visit(root, {
    Node(_, node) {
      if (!isAlias(node) && node.tag) {
        throw new TextProblem(
          `the tag ${node.tag} is not taken: plain values only`,
          'yaml-tag',
          placeOf(node.range?.[0]),
        );
      }
    },
    Pair(_, pair) {
      if (isNode(pair.key) && !isScalar(pair.key)) {
        throw new TextProblem('a key must be plain text', 'yaml', placeOf(pair.key.range?.[0]));
      }
    },
  });
}

/** Walks the nodes as written; what an alias brings in stands where the alias stands. */
function placesOf(root: unknown, placeOf: (offset: number | undefined) => Place): Map<string, Place> {
  const places = new Map<string, Place>();
  const walk = (node: unknown, pointer: string): void => {
    if (!isNode(node)) return;
    places.set(pointer, placeOf(node.range?.[0]));
    if (isSeq(node)) node.items.forEach((item, index) => walk(item, pointerTo(pointer, index)));
    if (!isMap(node)) return;
    for (const { key, value } of node.items) {
      const name = pointerTo(pointer, isScalar(key) ? String(key.value) : '');
      if (isNode(key)) places.set(name, placeOf(key.range?.[0]));
      walk(value, name);
    }
  };
  walk(root, '');
  return places;
}

/** The parser reports some hostile input by throwing. */
function guarded<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof TextProblem) throw error;
    if (error instanceof RangeError) throw tooDeep();
    throw new TextProblem(`not valid YAML: ${(error as Error).message}`, 'yaml');
  }
}

const tooDeep = () =>
  new TextProblem(`not valid YAML: it nests deeper than ${intake.jsonDepth} levels`, 'depth');
