import { createServer } from 'node:net';
import { readFile } from 'node:fs/promises';
import { relative } from 'node:path';
import { closeOnSignal, createLogger, fail, loadEnv, processEnvironment } from '@mortise/service-kit';
import { openDataDir, type DataDir } from './data-dir.js';
import { standaloneEnv, type StandaloneEnv } from './env.js';
import { startPlatform, type Platform } from './platform.js';

if (process.versions.modules !== '137')
  fail(`Mortise needs Node 24 and this is ${process.version}: start it with "make start"`);

try {
  const source = processEnvironment();
  const env = loadEnv(standaloneEnv, source, new Set(Object.keys(source)));
  const dataDir = await openDataDir(env.MORTISE_DATA_DIR);
  await assertPortFree(env.HOST, env.PORT, `another with PORT=${env.PORT + 1} make start`);
  if (env.METRICS_PORT > 0)
    await assertPortFree(
      '127.0.0.1',
      env.METRICS_PORT,
      'another for /metrics with METRICS_PORT, or 0 for none',
    );
  const logger = createLogger({
    service: 'standalone',
    level: env.LOG_LEVEL,
    file: dataDir.at('mortise.log'),
  });
  const starting = startPlatform(env, dataDir, logger, source, (error) => {
    logger.fatal({ err: error }, 'the database is gone');
    fail(error);
  });
  // Asked to stop while it starts, it finishes starting: half a platform has no way to close.
  closeOnSignal(async () => (await starting).close());
  const platform = await starting;
  await greet(env, platform, dataDir);
} catch (error) {
  fail(error);
}

/** Asked before anything starts, so that a busy port costs a second and not a migrated database. */
async function assertPortFree(host: string, port: number, otherwise: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const probe = createServer().once('error', (error: NodeJS.ErrnoException) =>
      reject(
        new Error(
          error.code === 'EADDRINUSE'
            ? `Port ${port} is in use: stop what listens there, or choose ${otherwise}`
            : `Nothing can listen on ${host}:${port} (${error.code}): see HOST and PORT`,
        ),
      ),
    );
    probe.listen(port, host, () => probe.close(() => resolve()));
  });
}

/** What leads the demo to a platform that is not where it looks first. */
function demoAt({ PORT, MORTISE_DATA_DIR }: StandaloneEnv, url: string, keyFile: string): string {
  const { fields } = standaloneEnv;
  return [
    ...(PORT === fields.PORT.default ? [] : [`MORTISE_URL=${url}`]),
    ...(MORTISE_DATA_DIR === fields.MORTISE_DATA_DIR.default ? [] : [`MORTISE_API_KEY=$(cat '${keyFile}')`]),
    'make demo',
  ].join(' ');
}

async function greet(env: StandaloneEnv, { url, newKey }: Platform, dataDir: DataDir): Promise<void> {
  const keyFile = dataDir.at('admin-key');
  const shown = relative(process.cwd(), keyFile);
  const kept = await readFile(keyFile, 'utf8').catch(() => undefined);
  const key = newKey
    ? `${newKey}  (tenant demo; kept in ${shown})`
    : kept
      ? `in ${shown}`
      : 'not made here: create one with the platform-admin key you have';
  process.stdout.write(
    [
      `Mortise  ${url}`,
      `API      ${url}/docs`,
      `key      ${key}`,
      `log      ${relative(process.cwd(), dataDir.at('mortise.log'))}`,
      `next     ${demoAt(env, url, keyFile)}`,
      '',
    ].join('\n'),
  );
}
