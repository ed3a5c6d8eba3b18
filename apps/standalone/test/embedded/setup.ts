import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startPlatform } from './platform.js';

/** One platform in one process for the whole suite, as `make start` runs it, in a folder of its own. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dataDir = await mkdtemp(join(tmpdir(), 'mortise-e2e-'));
  const platform = await startPlatform(dataDir);
  project.provide('platform', {
    url: platform.url,
    adminKey: platform.adminKey,
    topology: 'embedded',
    pids: { standalone: platform.child.pid ?? 0 },
  });
  return async () => {
    await platform.stop();
    await rm(dataDir, { recursive: true, force: true });
  };
}
