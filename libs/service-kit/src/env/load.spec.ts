import { describe, expect, it } from 'vitest';
import { field } from './fields.js';
import { defineEnv, describeEnv, EnvError, loadEnv } from './load.js';

const spec = defineEnv({
  PORT: field.integer({ describe: 'Port', default: 8080, min: 1, max: 65_535 }),
  BUS: field.choice(['memory', 'kafka'], { describe: 'Bus' }),
  MORTISE_INTERNAL_KEY: field.string({
    describe: 'Key',
    secret: true,
    pattern: /^.{32,}$/,
    example: '<random>',
  }),
});
const key = 'k'.repeat(32);

describe('loadEnv', () => {
  it('gives typed values and defaults', () => {
    const env = loadEnv(spec, { BUS: 'kafka', MORTISE_INTERNAL_KEY: key });

    expect(env).toEqual({ PORT: 8080, BUS: 'kafka', MORTISE_INTERNAL_KEY: key });
  });

  it('names everything that is wrong at once, with an example', () => {
    const load = () => loadEnv(spec, { PORT: '99999', MORTISE_INTERNAL_KEY: key });

    expect(load).toThrow(EnvError);
    expect(load).toThrow('PORT is not a whole number 1 to 65535, e.g. PORT=1');
    expect(load).toThrow('BUS is missing: set it to one of memory | kafka, e.g. BUS=memory');
  });

  it('never repeats a value it refuses', () => {
    const load = () => loadEnv(spec, { BUS: 'kafka', MORTISE_INTERNAL_KEY: 'hunter2' });

    expect(load).toThrow('MORTISE_INTERNAL_KEY is not text');
    expect(load).not.toThrow('hunter2');
  });

  it('refuses a misspelt setting of ours and ignores those of others', () => {
    expect(() => loadEnv(spec, { BUS: 'memory', MORTISE_INTERNAL_KEY: key, MORTISE_DATADIR: 'x' })).toThrow(
      'MORTISE_DATADIR is not a setting',
    );
    expect(loadEnv(spec, { BUS: 'memory', MORTISE_INTERNAL_KEY: key, EDITOR: 'vi' }).BUS).toBe('memory');
  });

  it('describes itself without showing the default of a secret', () => {
    expect(describeEnv(spec).map((row) => row.default)).toEqual(['8080', 'required', 'required']);
  });
});
