// Development secrets, made once and kept in volumes: `docker compose up` needs no .env. Every secret has a volume of
// its own, which only the containers that use it mount; inside it the files are readable, since the images run as
// different users.
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = process.argv[2] ?? '/secrets';
const random = () => randomBytes(32).toString('hex');

/** The kept value, or a new one. */
function keep(name, make) {
  const file = join(folder, name);
  if (!existsSync(file)) writeFileSync(file, make(), { mode: 0o444, flag: 'wx' });
  return readFileSync(file, 'utf8');
}

const password = keep('database/password', random);
keep('database/url', () => `postgres://mortise:${password}@postgres:5432/mortise`);
keep('internal/key', random);
keep('master/key', random);
const accessKey = keep('s3/access-key', () => `mortise-${randomBytes(6).toString('hex')}`);
const secretKey = keep('s3/secret-key', random);
keep('s3/identities.json', () =>
  JSON.stringify({
    identities: [
      {
        name: 'mortise',
        credentials: [{ accessKey, secretKey }],
        actions: ['Admin', 'Read', 'Write', 'List', 'Tagging'],
      },
    ],
  }),
);
console.log('secrets are there');
