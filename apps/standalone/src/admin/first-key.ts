import { readFile, rm, writeFile } from 'node:fs/promises';
import { bootstrap, newKey } from '@mortise/gateway';
import type { Logger } from '@mortise/service-kit';

/**
 * Makes the first key and keeps it in a file. The file is written first: a process that dies in between starts again
 * with the key it finds there, and never with a key that nobody has.
 * @returns the key, only at the start that made it
 */
export async function firstKey(url: string, file: string, logger: Logger): Promise<string | undefined> {
  const kept = (await readFile(file, 'utf8').catch(() => '')).trim();
  const key = kept || newKey();
  if (!kept) await writeFile(file, `${key}\n`, { mode: 0o600 });
  const made = await bootstrap(url, { tenant: 'demo', logger, key });
  if (!made && !kept) await rm(file);
  return made;
}
