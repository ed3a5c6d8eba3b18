import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isManifest, readManifest, type ReadManifest } from '@mortise/bundle';

/** The manifest of a plugin's source folder. */
export async function readProjectManifest(dir: string): Promise<ReadManifest> {
  const found = new Map<string, Buffer>();
  for (const name of (await readdir(dir)).filter(isManifest))
    found.set(name, await readFile(join(dir, name)));
  return readManifest(found);
}
