// Writes docs/reference from the code that runs: tables of contracts, environments of the services, the description of
// the API. With --check it only says whether what is committed is what the code says now.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { referencePages } from './docs/pages.ts';

const folder = join(import.meta.dirname, '..', 'docs', 'reference');
const check = process.argv.includes('--check');

const stale: string[] = [];
for (const [name, text] of Object.entries(referencePages())) {
  const file = join(folder, name);
  const kept = await readFile(file, 'utf8').catch(() => '');
  if (kept === text) continue;
  stale.push(name);
  if (check) continue;
  await mkdir(folder, { recursive: true });
  await writeFile(file, text);
}

if (stale.length === 0) console.log('docs/reference is up to date');
else if (check) {
  console.error(`docs/reference is stale (${stale.join(', ')}): run "make docs" and commit it`);
  process.exitCode = 1;
} else console.log(`written: ${stale.join(', ')}`);
