import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { cacheDir } from './cache.js';

const run = promisify(execFile);
const pom = fileURLToPath(new URL('../kafka/pom.xml', import.meta.url));

const present = (program: string, flag: string): Promise<boolean> =>
  run(program, [flag]).then(
    () => true,
    () => false,
  );

/** Can a Kafka run here? Otherwise what to install, in one sentence. */
export async function kafkaAvailable(): Promise<{ ok: true } | { ok: false; reason: string }> {
  if (!(await present('java', '-version')))
    return {
      ok: false,
      reason: 'Kafka needs java: install it (Debian: apt-get install default-jre-headless)',
    };
  if (existsSync(await libsDir()) || (await present('mvn', '-v'))) return { ok: true };
  return {
    ok: false,
    reason: 'Kafka is downloaded with mvn: install it (Debian: apt-get install maven)',
  };
}

async function libsDir(): Promise<string> {
  const key = createHash('sha256')
    .update(await readFile(pom))
    .digest('hex')
    .slice(0, 12);
  return join(cacheDir('kafka-4.3.1'), key);
}

/** The folder with Kafka's jars, downloaded at the first use on this machine. */
export async function kafkaLibs(): Promise<string> {
  const target = await libsDir();
  if (existsSync(target)) return target;
  const available = await kafkaAvailable();
  if (!available.ok) throw new Error(available.reason);
  // Two processes may download at once: each into its own folder, the first to finish wins.
  const draft = `${target}.new-${process.pid}`;
  await mkdir(dirname(target), { recursive: true });
  try {
    const args = ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${draft}`];
    await run('mvn', args, { maxBuffer: 16 * 1_048_576 });
    await rename(draft, target).catch((error: unknown) => {
      if (!existsSync(target)) throw error;
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return target;
}
