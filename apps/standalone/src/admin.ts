import { createTopics, seedState, busEnv } from '@mortise/bus';
import { InstallationState, PluginState, TenantState } from '@mortise/contracts';
import { databaseEnv, migrate } from '@mortise/database';
import { bootstrap, snapshot as tenants } from '@mortise/gateway';
import { snapshot as registry } from '@mortise/registry';
import { createLogger, defineEnv, fail, loadEnv, processEnvironment } from '@mortise/service-kit';
import { migrations } from './admin/migrations.js';

const usage = 'usage: admin.js migrate up | topics create | topics seed | key create';
const logger = createLogger({ service: 'admin', level: 'warn' });
const source = processEnvironment();
const ignored = new Set(Object.keys(source));
const database = () => loadEnv(defineEnv(databaseEnv), source, ignored).DATABASE_URL;
const bus = () => loadEnv(defineEnv(busEnv), source, ignored);
const say = (line: string) => process.stdout.write(`${line}\n`);

/** What operators run before the services of a cluster start; each is idempotent and works from the database alone. */
const commands: Record<string, () => Promise<void>> = {
  'migrate up': async () => {
    const { applied } = await migrate(database(), migrations, logger);
    say(applied.length > 0 ? `applied ${applied.join(', ')}` : 'nothing to apply');
  },
  'topics create': async () => {
    await createTopics(bus());
    say('topics are there');
  },
  'topics seed': async () => {
    const env = bus();
    const url = database();
    await seedState(env, TenantState, tenants(url, logger).tenants());
    await seedState(env, InstallationState, registry(url, logger).installations());
    await seedState(env, PluginState, registry(url, logger).plugins());
    say('state topics are seeded');
  },
  'key create': async () => {
    const key = await bootstrap(database(), { tenant: 'demo', logger });
    say(key ?? 'a key exists: nothing made');
  },
};

try {
  const command = commands[process.argv.slice(2).join(' ')];
  if (!command) throw new Error(usage);
  await command();
  process.exit(0);
} catch (error) {
  fail(error);
}
