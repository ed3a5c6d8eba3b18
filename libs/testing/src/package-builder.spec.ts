import { gunzipSync, strFromU8, unzipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { FakeClock } from './clock.js';
import { buildPackage } from './package-builder.js';
import { until } from './until.js';

const manifest = { name: 'Greeter', version: '1.0.0' };

describe('buildPackage', () => {
  it('makes a zip with the manifest and the files', () => {
    const entries = unzipSync(
      buildPackage({ manifest, files: { 'main.js': 'export {}', 'ui/a.bin': new Uint8Array([0, 255]) } }),
    );

    expect(Object.keys(entries).sort()).toEqual(['main.js', 'plugin.json', 'ui/a.bin']);
    expect(JSON.parse(strFromU8(entries['plugin.json'] ?? new Uint8Array()))).toEqual(manifest);
  });

  it('makes the same bytes of the same parts', () => {
    for (const format of ['zip', 'tar.gz'] as const)
      expect(buildPackage({ manifest, format }).equals(buildPackage({ manifest, format }))).toBe(true);
  });

  it('makes a tar whose headers carry the right sum', () => {
    const tar = gunzipSync(buildPackage({ files: { 'main.js': 'x' }, format: 'tar.gz' }));
    const header = tar.slice(0, 512);
    const sum = Number.parseInt(strFromU8(header.slice(148, 154)), 8);

    expect(strFromU8(header.slice(0, 7))).toBe('main.js');
    expect(sum).toBe(header.fill(32, 148, 156).reduce((total, byte) => total + byte, 0));
    expect(tar.length % 512).toBe(0);
  });
});

describe('until', () => {
  it('gives what the condition gave in the end, whether it was falsy or threw before', async () => {
    let calls = 0;
    const value = await until(() => {
      calls++;
      if (calls === 1) throw new Error('early');
      return calls === 3 ? 'there' : undefined;
    }, 'three calls');

    expect(value).toBe('there');
  });

  it('says what never happened, and why', async () => {
    const waiting = until(
      () => {
        throw new Error('broken');
      },
      'the moon landed',
      20,
    );

    await expect(waiting).rejects.toThrow('Never happened within 20 ms: the moon landed');
    await expect(waiting).rejects.toMatchObject({ cause: { message: 'broken' } });
  });
});

it('FakeClock stands still until it is moved', () => {
  const clock = new FakeClock('2026-01-01T00:00:00Z');
  clock.advance(1_500);

  expect(new Date(clock.now()).toISOString()).toBe('2026-01-01T00:00:01.500Z');
});
