import { defineConfig } from 'vitest/config';

const conditions = { resolve: { conditions: ['source'] } };
// __vitest__ is where the global setup is loaded.
const source = { ...conditions, ssr: conditions, environments: { __vitest__: conditions } };

export default defineConfig({
  ...source,
  test: {
    projects: [
      {
        ...source,
        test: {
          name: 'unit',
          include: ['{libs,services,packages}/*/src/**/*.spec.ts', 'apps/*/src/**/*.spec.ts', 'plugins/*/src/**/*.spec.ts', 'tools/**/*.spec.ts'],
          globalSetup: ['libs/testing/src/global-setup.ts'],
          pool: 'forks',
          execArgv: ['--no-node-snapshot'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
