import { writeFile } from 'node:fs/promises';
import { clusterUp } from './cluster.ts';

try {
  console.log('Starting Kafka, PostgreSQL, S3 and the services (the first time builds and fetches them)...');
  const state = await clusterUp('.cluster', { port: Number(process.env.PORT ?? 8080), detached: true });
  await writeFile('.cluster/admin-key', `${state.adminKey}\n`, { mode: 0o600 });
  console.log(`Mortise  ${state.url}  (Kafka ${state.kafka}, two executors)`);
  console.log('key      in .cluster/admin-key');
  console.log('logs     .cluster/logs');
  console.log('next     make demo, and make cluster-down in the end');
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
