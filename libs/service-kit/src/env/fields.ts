/** One documented environment variable. */
export interface Field<T> {
  /** What it does, one sentence; goes into docs/reference/env.md. */
  describe: string;
  /** What a value looks like; shown in the error and the docs, never the value that was sent. */
  example: string;
  kind: string;
  secret: boolean;
  optional: boolean;
  default: T | undefined;
  /** The parsed value, or undefined when the text is not one. */
  parse(text: string): T | undefined;
}

interface Options<T> {
  describe: string;
  default?: T;
  example?: string;
  secret?: boolean;
}
type OptionalOptions<T> = Options<T> & { optional: true };

const make = <T>(
  kind: string,
  example: string,
  options: Options<T> & { optional?: boolean },
  parse: Field<T>['parse'],
) => ({
  kind,
  describe: options.describe,
  example: options.example ?? example,
  secret: options.secret ?? false,
  optional: options.optional ?? false,
  default: options.default,
  parse,
});

function string(options: OptionalOptions<string> & { pattern?: RegExp }): Field<string | undefined>;
function string(options: Options<string> & { pattern?: RegExp }): Field<string>;
function string(options: Options<string> & { pattern?: RegExp; optional?: boolean }): Field<string> {
  return make('text', 'text', options, (text) =>
    !options.pattern || options.pattern.test(text) ? text : undefined,
  );
}

function url(options: OptionalOptions<string> & { protocols?: string[] }): Field<string | undefined>;
function url(options: Options<string> & { protocols?: string[] }): Field<string>;
function url(options: Options<string> & { protocols?: string[]; optional?: boolean }): Field<string> {
  const protocols = options.protocols ?? ['http', 'https'];
  return make('URL', `${protocols[0]}://127.0.0.1:8080`, options, (text) =>
    URL.canParse(text) && protocols.includes(new URL(text).protocol.slice(0, -1)) ? text : undefined,
  );
}

function integer(
  options: OptionalOptions<number> & { min?: number; max?: number },
): Field<number | undefined>;
function integer(options: Options<number> & { min?: number; max?: number }): Field<number>;
function integer(
  options: Options<number> & { min?: number; max?: number; optional?: boolean },
): Field<number> {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = options;
  return make(
    max === Number.MAX_SAFE_INTEGER ? `whole number from ${min}` : `whole number ${min} to ${max}`,
    String(min),
    options,
    (text) => (/^-?\d+$/.test(text) && Number(text) >= min && Number(text) <= max ? Number(text) : undefined),
  );
}

const boolean = (options: Options<boolean>): Field<boolean> =>
  make('true or false', 'true', options, (text) =>
    text === 'true' || text === '1' ? true : text === 'false' || text === '0' ? false : undefined,
  );

const choice = <const C extends string>(choices: readonly C[], options: Options<C>): Field<C> =>
  make(choices.join(' | '), choices[0] ?? '', options, (text) => choices.find((known) => known === text));

const list = (options: Options<string[]>): Field<string[]> =>
  make('comma-separated list', 'a,b', options, (text) =>
    text
      .split(',')
      .map((item) => item.trim())
      .filter(Boolean),
  );

/** The kinds of environment variables. */
export const field = { string, url, integer, boolean, choice, list };
