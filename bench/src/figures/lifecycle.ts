import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { archive, call, upload } from '../api.ts';
import { repeat, type Figure } from '../figure.ts';
import { sharedPlatform, startPlatform } from '../platform.ts';

export const installToRun: Figure = {
  id: 'P20',
  what: 'install to the answer of the first execution',
  unit: 'ms',
  target: '<= 1,000 ms',
  ok: ({ value }) => value <= 1_000,
  async measure() {
    const platform = await sharedPlatform();
    return repeat(10, async () => {
      const { plugin } = await upload(platform, archive('export function run(input) { return input }'));
      const started = performance.now();
      const { id } = await call<{ id: string }>(platform, 'POST', '/installations', { plugin: plugin.id });
      await call(platform, 'POST', `/installations/${id}/activate`);
      await call(platform, 'POST', `/installations/${id}/execute`, { function: 'run', input: 1 });
      return performance.now() - started;
    });
  },
};

export const secondStart: Figure = {
  id: 'P23',
  what: 'start on a warm checkout to the first 200',
  unit: 'ms',
  target: '<= 6,000 ms',
  ok: ({ value }) => value <= 6_000,
  async measure() {
    const folder = await mkdtemp(join(tmpdir(), 'mortise-bench-start-'));
    try {
      return await repeat(5, async () => {
        const platform = await startPlatform(folder);
        await platform.stop();
        return platform.startMs;
      });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};
