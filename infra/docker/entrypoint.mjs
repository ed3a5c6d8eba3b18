// Starts a script of the image: without arguments the service it was built for. Reads secrets given as NAME_FILE into
// NAME first, so that they stand neither in the compose file nor in what `docker inspect` shows.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { secretNames } from './secret-names.mjs';

const { env } = process;
for (const name of secretNames) {
  const file = env[`${name}_FILE`];
  if (file === undefined) continue;
  try {
    env[name] = readFileSync(file, 'utf8').trim();
  } catch (error) {
    console.error(`${name}_FILE names ${file}, which cannot be read (${error.code})`);
    process.exit(1);
  }
  delete env[`${name}_FILE`];
}
const [script = `services/${env.SERVICE}/dist/main.js`, ...args] = process.argv.slice(2);
process.argv = [process.execPath, resolve(script), ...args];
await import(pathToFileURL(resolve(script)).href);
