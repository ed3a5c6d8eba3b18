import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startCollector } from '@mortise/testing';
import type { TestProject } from 'vitest/node';
// eslint-disable-next-line @nx/enforce-module-boundaries -- tools are no project: nothing ships from there
import { clusterDown, clusterUp } from '../../../../tools/cluster/cluster.ts';
import { startSites } from '../sites.js';

/** One cluster for the whole suite: real Kafka, PostgreSQL, S3 and five processes of ours. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'mortise-cluster-'));
  const collector = await startCollector();
  const sites = await startSites();
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint, ...sites.env };
  const { url = '', adminKey = '', pids, operator = {} } = await clusterUp(folder, { env });
  project.provide('platform', {
    url,
    adminKey,
    topology: 'cluster',
    pids,
    operator,
    collector: collector.endpoint,
  });
  return async () => {
    await clusterDown(folder);
    await collector.close();
    sites.close();
    if (!process.env.KEEP) await rm(folder, { recursive: true, force: true });
  };
}
