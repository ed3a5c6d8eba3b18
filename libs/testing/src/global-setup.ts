import type { TestProject } from 'vitest/node';
import { defineEnv, field, loadEnv } from '@mortise/service-kit';
import { LazyPostgres } from './lazy-postgres.js';

const testEnv = defineEnv({
  REQUIRE_CLUSTER: field.boolean({
    describe: 'A missing java, mvn or go fails the tests that need it instead of skipping them',
    default: false,
  }),
});

/** Once for a run of tests. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const postgres = new LazyPostgres();
  project.provide('postgresControl', await postgres.listen());
  project.provide('requireCluster', loadEnv(testEnv).REQUIRE_CLUSTER);
  return () => postgres.close();
}
