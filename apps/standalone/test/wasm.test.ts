import { readFile } from 'node:fs/promises';
import { declareMaximum } from '@mortise/bundle';
import { describe, expect, it } from 'vitest';
import { archiveOf, newTenant } from './client.js';

const built = await readFile(
  new URL('../../../libs/sandbox/test/fixtures/count_vowels.wasm', import.meta.url),
);
const plugin = (module: Uint8Array, name: string) => ({
  main: '',
  manifest: { runtime: 'wasm', main: 'main.wasm', functions: { [name]: {} } },
  files: { 'main.wasm': module },
});
/** (module (func (export "spin") (loop (br 0)))) */
const spin = Buffer.from(
  '0061736d01000000010401600000030201000708010473' + '70696e00000a090107000340' + '0c000b0b',
  'hex',
);

describe('plugins of WebAssembly', () => {
  it('are published, called and recorded like any other', async () => {
    const tenant = await newTenant();
    const { id } = await tenant.deploy(plugin(declareMaximum(built, 64), 'count_vowels'));

    const answer = await tenant.execute(id, 'count_vowels', 'an apple a day');

    expect(answer).toMatchObject({ status: 200, body: { result: { count: 5 } } });
    expect((await tenant.ended(answer.body.executionId)).body).toMatchObject({
      status: 'succeeded',
      result: { count: 5 },
      usage: { hostCalls: 0 },
    });
  });

  it('are stopped at their deadline', async () => {
    const tenant = await newTenant();
    const source = plugin(spin, 'spin');
    const { id } = await tenant.deploy({
      ...source,
      manifest: { ...source.manifest, limits: { timeoutMs: 300 } },
    });

    const answer = await tenant.execute(id, 'spin');

    expect(answer.status).toBe(504);
    expect(await tenant.stoppedBy(answer)).toBe('EXECUTION_TIMED_OUT');
  });

  it('are refused when they say nothing of their memory, import what there is not, or export nothing', async () => {
    const tenant = await newTenant();

    const refused = async (module: Uint8Array, name: string) => {
      const { status, body } = await tenant.upload(archiveOf(plugin(module, name)));
      return [status, body.code, body.errors[0].rule];
    };

    expect(await refused(built, 'count_vowels')).toEqual([422, 'MAIN_INVALID', 'wasm-memory']);
    expect(await refused(spin, 'other')).toEqual([422, 'MAIN_INVALID', 'wasm-export']);
    expect(await refused(Buffer.from('{}'), 'spin')).toEqual([422, 'MAIN_INVALID', 'wasm-header']);
  });
});
