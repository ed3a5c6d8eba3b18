import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where downloaded and built tools stay between runs: `.cache/` at the root of the checkout. */
export const cacheDir = (name: string): string => join(rootDir(), '.cache', name);

function rootDir(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'nx.json'))) return folder;
    if (folder === dirname(folder))
      throw new Error('@mortise/testing works only inside a checkout of Mortise');
  }
}
