import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startCollector } from '@mortise/testing';
import type { TestProject } from 'vitest/node';
import { startSites } from '../sites.js';
import { freePort, startPlatform } from './platform.js';

/** One platform in one process for the whole suite, as `make start` runs it, in a folder of its own. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const base = await mkdtemp(join(tmpdir(), 'mortise-e2e-'));
  const [dataDir, spoolDir] = [join(base, 'data'), join(base, 'spool')];
  await mkdir(spoolDir);
  const collector = await startCollector();
  const sites = await startSites();
  const metricsPort = await freePort();
  const platform = await startPlatform(dataDir, {
    METRICS_PORT: String(metricsPort),
    REGISTRY_SPOOL_DIR: spoolDir,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    ...sites.env,
  });
  project.provide('platform', {
    url: platform.url,
    adminKey: platform.adminKey,
    topology: 'embedded',
    dataDir,
    spoolDir,
    collector: collector.endpoint,
    metrics: `http://127.0.0.1:${metricsPort}/metrics`,
    pids: { standalone: platform.child.pid ?? 0 },
  });
  return async () => {
    await platform.stop();
    await collector.close();
    sites.close();
    await rm(base, { recursive: true, force: true });
  };
}
