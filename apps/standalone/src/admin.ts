import { createTopics, busEnv, seedState } from '@mortise/bus';
import { Database, databaseEnv, migrate } from '@mortise/database';
import { bootstrap, entities as gatewayEntities, snapshot as gateway } from '@mortise/gateway';
import { entities as registryEntities, snapshot as registry } from '@mortise/registry';
import { createLogger, defineEnv, fail, loadEnv, processEnvironment } from '@mortise/service-kit';
import { migrations } from './admin/migrations.js';

const usage = 'usage: admin.js migrate up | topics create | topics seed | key create';
const logger = createLogger({ service: 'admin', level: 'warn' });
const source = processEnvironment();
// Operators run this with the environment of any service: only what a command needs is read.
const ignored = new Set(Object.keys(source));
const databaseUrl = () => loadEnv(defineEnv(databaseEnv), source, ignored).DATABASE_URL;
const bus = () => loadEnv(defineEnv(busEnv), source, ignored);
const say = (line: string) => process.stdout.write(`${line}\n`);

async function seed(): Promise<void> {
  const env = bus();
  const url = databaseUrl();
  const owners = [
    {
      snapshot: gateway,
      db: await Database.connect({ url, service: 'gateway', entities: gatewayEntities, poolSize: 2, logger }),
    },
    {
      snapshot: registry,
      db: await Database.connect({
        url,
        service: 'registry',
        entities: registryEntities,
        poolSize: 2,
        logger,
      }),
    },
  ];
  for (const { snapshot, db } of owners) {
    for (const { def, rows } of snapshot(db)) await seedState(env, def, rows);
    await db.close();
  }
}

/** What operators run before the services of a cluster start; each is idempotent and works from the database alone. */
const commands: Record<string, () => Promise<void>> = {
  'migrate up': async () => {
    const { applied } = await migrate(databaseUrl(), migrations, logger);
    say(applied.length > 0 ? `applied ${applied.join(', ')}` : 'nothing to apply');
  },
  'topics create': async () => {
    await createTopics(bus());
    say('topics are there');
  },
  'topics seed': async () => {
    await seed();
    say('state topics are seeded');
  },
  'key create': async () => {
    const made = await bootstrap(databaseUrl(), { tenant: 'demo', logger });
    say(made ?? 'a key exists: nothing made');
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
