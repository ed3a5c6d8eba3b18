import type { ErrorObject } from 'ajv';
import { expectations } from './expectations.js';
import { pointerTo } from './text-problem.js';

/** One place that does not fit a schema, said as what was expected there. */
export interface Mismatch {
  pointer: string;
  message: string;
  /** The schema keyword that was broken. */
  rule: string;
}

const mismatchesMax = 50;
const errorsMax = 500;

/**
 * Ajv's errors as people need them: one per place, alternatives joined into one sentence instead of one error for
 * each branch that failed. Needs `verbose`.
 */
export function mismatches(errors: readonly ErrorObject[]): Mismatch[] {
  const found = new Map<string, Mismatch>();
  for (const error of withoutBranchNoise(errors)) {
    const mismatch = describe(error);
    const key = `${mismatch.pointer} ${mismatch.message}`;
    if (!found.has(key)) found.set(key, mismatch);
    if (found.size === mismatchesMax) break;
  }
  return [...found.values()];
}

const isAlternative = ({ keyword }: ErrorObject) => keyword === 'anyOf' || keyword === 'oneOf';
const isUnder = (inner: string, outer: string) => inner === outer || inner.startsWith(`${outer}/`);

/**
 * Of an anyOf, the branch that had the right type is the one that was meant: only its errors stay. Where no branch
 * had, the anyOf itself stays.
 */
function withoutBranchNoise(errors: readonly ErrorObject[]): ErrorObject[] {
  // A hostile file has errors without end, and each alternative looks at all of them.
  let left = errors.slice(0, errorsMax);
  for (const alternative of left.filter(isAlternative)) {
    const at = alternative.instancePath;
    const branches = left.filter((error) => error !== alternative && isUnder(error.instancePath, at));
    const meant = branches.filter(({ keyword, instancePath }) => keyword !== 'type' || instancePath !== at);
    if (branches.length === 0) continue;
    const noise =
      meant.length > 0 ? [alternative, ...branches.filter((error) => !meant.includes(error))] : branches;
    left = left.filter((error) => !noise.includes(error));
  }
  // A bad property name is reported by the schema of the names, and once more by `propertyNames`.
  return left.filter(({ keyword }) => keyword !== 'propertyNames' && keyword !== 'if');
}

function describe(error: ErrorObject): Mismatch {
  const { keyword, instancePath, params, data, schemaPath } = error;
  const at = error.propertyName === undefined ? instancePath : pointerTo(instancePath, error.propertyName);
  const expected =
    expectations.get(/#\/\$defs\/(\w+)\/\w+$/.exec(schemaPath)?.[1] ?? '') ?? ownDescription(error);
  const value = error.propertyName ?? data;
  switch (keyword) {
    case 'required':
      return { pointer: at, rule: keyword, message: `"${String(params['missingProperty'])}" is missing` };
    case 'additionalProperties':
    case 'unevaluatedProperties': {
      const name = String(params['additionalProperty'] ?? params['unevaluatedProperty']);
      const known = Object.keys((error.parentSchema?.['properties'] as object | undefined) ?? {});
      return { pointer: pointerTo(at, name), rule: keyword, message: unknownProperty(name, known) };
    }
    case 'type':
      return {
        pointer: at,
        rule: keyword,
        message: `expected ${typeNames(params['type'])}, found ${show(value)}`,
      };
    case 'anyOf':
    case 'oneOf':
      return { pointer: at, rule: keyword, message: `expected ${branchTypes(error)}, found ${show(value)}` };
    case 'enum': {
      const allowed = (params['allowedValues'] as unknown[]).map(show).join(', ');
      return { pointer: at, rule: keyword, message: `expected one of ${allowed}; found ${show(value)}` };
    }
    case 'const':
      return {
        pointer: at,
        rule: keyword,
        message: `expected ${show(params['allowedValue'])}, found ${show(value)}`,
      };
    case 'pattern':
      return {
        pointer: at,
        rule: keyword,
        message: `expected ${expected ?? `text that fits ${String(params['pattern'])}`}, found ${show(value)}`,
      };
    default: {
      const needs = expected && typeof value === 'string' ? `expected ${expected}: ` : '';
      return {
        pointer: at,
        rule: keyword,
        message: `${needs}${error.message ?? keyword}, found ${show(value)}`,
      };
    }
  }
}

const ownDescription = ({ parentSchema }: ErrorObject): string | undefined => {
  const description: unknown = parentSchema?.['description'];
  return typeof description === 'string' ? description : undefined;
};

const typeNames = (type: unknown): string =>
  [type]
    .flat()
    .map((name) => article(String(name)))
    .join(' or ');
const article = (type: string) => (type === 'null' ? type : /^[aio]/.test(type) ? `an ${type}` : `a ${type}`);

function branchTypes({ schema, parentSchema }: ErrorObject): string {
  const branches = Array.isArray(schema) ? (schema as { type?: string; $ref?: string }[]) : [];
  const names = branches.map(({ type, $ref }) => (type ? article(type) : $ref ? 'text' : undefined));
  if (names.length > 0 && names.every((name) => name !== undefined)) return [...new Set(names)].join(' or ');
  const description: unknown = parentSchema?.['description'];
  return typeof description === 'string' ? description : 'one of the allowed forms';
}

function unknownProperty(name: string, known: string[]): string {
  const near = known.find((candidate) => distance(candidate.toLowerCase(), name.toLowerCase()) <= 2);
  return near
    ? `unknown property "${shorten(name)}": did you mean "${near}"?`
    : `unknown property "${shorten(name)}"`;
}

/** Edits between two words, counted as Levenshtein does. */
function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return 3;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

const shorten = (text: string) => (text.length > 60 ? `${text.slice(0, 60)}...` : text);
/** A value as it may stand in a message. */
const show = (value: unknown): string => {
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object' && value !== null) return 'an object';
  return shorten(JSON.stringify(value) ?? 'nothing');
};
