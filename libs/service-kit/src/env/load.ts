import type { Field } from './fields.js';

export type EnvFields = Record<string, Field<unknown>>;
export interface EnvSpec<F extends EnvFields> {
  fields: F;
}
export type EnvOf<S> =
  S extends EnvSpec<infer F> ? { [K in keyof F]: F[K] extends Field<infer T> ? T : never } : never;

/** The environment cannot be used: one line a wrong value, with name, kind and example, never the value. */
export class EnvError extends Error {
  override readonly name = 'EnvError';
}

/** The typed table of a service's environment. */
export const defineEnv = <F extends EnvFields>(fields: F): EnvSpec<F> => ({ fields });

const ours = /^(MORTISE|KAFKA|S3|STORAGE|EXECUTOR|REGISTRY|SCHEDULER|GATEWAY)_/;

/**
 * Reads and checks the environment, once, at boot.
 * @param known names other services of the same environment use: not an error here
 * @throws EnvError naming everything that is wrong
 */
export function loadEnv<F extends EnvFields>(
  spec: EnvSpec<F>,
  source: Record<string, string | undefined> = process.env,
  known: ReadonlySet<string> = new Set(),
): EnvOf<EnvSpec<F>> {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(spec.fields)) {
    const text = source[name];
    if (text === undefined || text === '') {
      if (field.default === undefined && !field.optional)
        problems.push(`${name} is missing: set it to ${article(field.kind)}, e.g. ${name}=${field.example}`);
      values[name] = field.default;
      continue;
    }
    const value = field.parse(text);
    if (value === undefined)
      problems.push(`${name} is not ${article(field.kind)}, e.g. ${name}=${field.example}`);
    values[name] = value;
  }
  for (const name of Object.keys(source)) {
    if (ours.test(name) && !(name in spec.fields) && !known.has(name))
      problems.push(`${name} is not a setting of this process: see docs/reference/env.md`);
  }
  if (problems.length > 0) throw new EnvError(problems.join('\n'));
  return values as EnvOf<EnvSpec<F>>;
}

const article = (kind: string) =>
  /^(text|true|comma)/.test(kind) || kind.includes('|')
    ? kind.includes('|')
      ? `one of ${kind}`
      : kind
    : `a ${kind}`;

export interface EnvRow {
  name: string;
  kind: string;
  describe: string;
  default: string;
  example: string;
  secret: boolean;
}

/** The table for docs/reference/env.md. */
export const describeEnv = <F extends EnvFields>(spec: EnvSpec<F>): EnvRow[] =>
  Object.entries(spec.fields).map(([name, field]) => ({
    name,
    kind: field.kind,
    describe: field.describe,
    default:
      field.default === undefined
        ? field.optional
          ? 'none'
          : 'required'
        : field.secret
          ? 'hidden'
          : shown(field.default),
    example: field.example,
    secret: field.secret,
  }));

const shown = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** The raw environment, for the one process that starts services with environments of their own making. */
export const processEnvironment = (): Record<string, string | undefined> => process.env;
