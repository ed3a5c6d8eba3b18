// npm leaves optional platform binaries that the mirror does not hold out of the lock, and `npm ci` then refuses
// the lock. This adds the missing entries (version and platform only); it changes nothing when none is missing.
import { readFileSync, writeFileSync } from 'node:fs';

const file = new URL('../package-lock.json', import.meta.url);
const text = readFileSync(file, 'utf8');
const lock = JSON.parse(text);
const present = new Set(Object.keys(lock.packages).map((path) => path.split('node_modules/').pop()));
const platform =
  /(darwin|linux|win32|windows|freebsd|android|openharmony|sunos|aix|netbsd|openbsd)-([a-z0-9]+)(?:-(musl|gnu|msvc|gnueabihf|musleabihf|eabi))?/;

for (const entry of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    if (present.has(name)) continue;
    const match = platform.exec(name);
    if (!match) continue;
    const [, os, cpu, abi] = match;
    const libc = os !== 'linux' ? {} : { libc: [abi === 'musl' || abi === 'musleabihf' ? 'musl' : 'glibc'] };
    lock.packages[`node_modules/${name}`] = {
      version: version.replace(/^[\^~]/, ''),
      cpu: [cpu],
      ...libc,
      optional: true,
      os: [os === 'windows' ? 'win32' : os],
    };
    present.add(name);
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
const completed = JSON.stringify(lock, null, 2) + '\n';
if (completed !== text) writeFileSync(file, completed);
