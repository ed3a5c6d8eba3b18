import { defineConfig } from 'vitest/config';

// Packages resolve to each other's sources: a test never runs against a stale build.
const conditions = { resolve: { conditions: ['source'] } };
// __vitest__ is where the global setup is loaded.
const source = { ...conditions, ssr: conditions, environments: { __vitest__: conditions } };
// Judged by the clock and by what a process takes within milliseconds, so alone: beside other files their time is lost.
const attacks = [
  'services/executor/src/attacks.spec.ts',
  'libs/sandbox/src/guard.spec.ts',
  'libs/sandbox/src/last-memory.spec.ts',
  'libs/sandbox/src/starved.spec.ts',
  'libs/sandbox/src/together.spec.ts',
];
const processes = { pool: 'forks' as const, execArgv: ['--no-node-snapshot'], maxWorkers: 2 };
const topology = (name: 'embedded' | 'cluster', maxWorkers: number) => ({
  ...source,
  test: {
    ...processes,
    maxWorkers,
    name,
    include: ['apps/standalone/test/*.test.ts', `apps/standalone/test/${name}/*.test.ts`],
    globalSetup: [`apps/standalone/test/${name}/setup.ts`],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});

export default defineConfig({
  ...source,
  test: {
    projects: [
      {
        ...source,
        test: {
          ...processes,
          name: 'unit',
          include: ['{libs,services,packages,apps,plugins,bench}/*/src/**/*.spec.ts', 'tools/**/*.spec.ts'],
          exclude: attacks,
          globalSetup: ['libs/testing/src/global-setup.ts'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        ...source,
        test: {
          ...processes,
          name: 'attacks',
          maxWorkers: 1,
          include: attacks,
          globalSetup: ['libs/testing/src/global-setup.ts'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      topology('embedded', 2),
      // A cluster alone is more processes than a small machine has processors.
      topology('cluster', 1),
      {
        ...source,
        test: {
          ...processes,
          maxWorkers: 1,
          name: 'outages',
          include: ['apps/standalone/test/outages/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
