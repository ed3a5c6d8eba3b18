import { describe, expect, inject, it } from 'vitest';
import { busEnv } from '@mortise/bus';
import { serviceNames } from '@mortise/contracts';
import { databaseEnv } from '@mortise/database';
import { executorEnv } from '@mortise/executor';
import { gatewayEnv } from '@mortise/gateway';
import { registryEnv } from '@mortise/registry';
import { schedulerEnv } from '@mortise/scheduler';
import { loadEnv, type EnvSpec, type Field } from '@mortise/service-kit';
import { compose, whatIsMissing } from './checker.js';
import { readComposeFile, type ComposeService } from './compose-file.js';

const { services } = await readComposeFile();
const all = Object.entries(services);
const once = all.filter(([, service]) => service.restart === 'no');
const lasting = all.filter(([, service]) => service.restart !== 'no');
const names = (found: [string, ComposeService][]) => found.map(([name]) => name);
const without = (key: keyof ComposeService, among = all) =>
  names(among.filter(([, service]) => service[key] === undefined));

// A .mjs of the image, which has no types.
const namesFile = new URL('../../infra/docker/secret-names.mjs', import.meta.url).href;
const { secretNames } = (await import(namesFile)) as { secretNames: string[] };
type Specs = Record<string, EnvSpec<Record<string, Field<unknown>>>>;
const specs: Specs = {
  gateway: gatewayEnv,
  registry: registryEnv,
  scheduler: schedulerEnv,
  executor: executorEnv,
};
const adminFields = { ...busEnv, ...databaseEnv };

describe('docker-compose.yml', () => {
  it('passes the check of compose itself, without any setting', async ({ skip }) => {
    const missing = await whatIsMissing();
    if (missing && inject('requireCluster')) throw new Error(missing);
    if (missing) skip(missing);

    await compose('config', '--quiet');
    const images = (await compose('config', '--images')).trim().split('\n');

    expect(images).toContain('apache/kafka:4.3.1');
  }, 900_000);

  it('names an exact version of every image', () => {
    for (const [name, { image }] of all) expect(image, name).toMatch(/^[\w./-]+:(v?\d+\.\d+[\w.-]*)$/);
  });

  it('has every service of the platform, built from the one Dockerfile', () => {
    for (const name of serviceNames) {
      expect(services[name]?.build, name).toMatchObject({
        dockerfile: 'infra/docker/Dockerfile',
        args: { SERVICE: name },
      });
    }
  });

  it('opens ports on the loopback address only, the API on 8080', () => {
    const ports = all.flatMap(([, service]) => service.ports ?? []);

    expect(ports).toEqual(['127.0.0.1:${MORTISE_PORT:-8080}:8080']);
  });

  it('waits only for what can say that it is healthy, and for what ends', () => {
    for (const [name, { depends_on: waits = {} }] of all) {
      for (const [target, { condition }] of Object.entries(waits)) {
        const waited = `${name} waits for ${target}`;
        if (condition === 'service_healthy')
          expect(services[target]?.healthcheck?.test, waited).toBeDefined();
        else {
          expect(condition, waited).toBe('service_completed_successfully');
          expect(names(once), waited).toContain(target);
        }
      }
    }
  });

  it('starts again what is meant to last, and checks its health', () => {
    for (const [name, { restart }] of lasting) expect(restart, name).toBe('unless-stopped');
    expect(without('healthcheck', lasting)).toEqual([]);
  });

  it('limits the memory of every container', () => {
    expect(without('mem_limit')).toEqual([]);
  });

  it('takes every privilege and every writable file away', () => {
    for (const [name, service] of all) {
      expect(service.cap_drop, name).toEqual(['ALL']);
      expect(service.security_opt, name).toContain('no-new-privileges:true');
      expect(service.read_only, name).toBe(true);
    }
  });

  it('keeps the data of PostgreSQL 18 where the image wants it', () => {
    expect(services.postgres?.volumes).toContain('postgres-data:/var/lib/postgresql');
  });

  it('gives the master key to the registry alone', () => {
    const holders = all.filter(([, service]) => service.volumes?.some((v) => v.startsWith('secret-master:')));

    expect(names(holders)).toEqual(['secrets', 'registry']);
  });

  it.each(serviceNames)('gives the %s settings that it boots with', (name) => {
    const settings = withSecretsRead(services[name]?.environment ?? {});
    const spec = specs[name];

    expect(Object.keys(settings).filter((setting) => !(setting in (spec?.fields ?? {})))).toEqual([]);
    expect(() => spec && loadEnv(spec, settings)).not.toThrow();
  });

  it('gives the commands that run once only settings that they know', () => {
    for (const [name, { environment = {} }] of once) {
      const unknown = Object.keys(withSecretsRead(environment)).filter(
        (setting) => !(setting in adminFields),
      );
      expect(unknown, name).toEqual([]);
    }
  });

  it('lets every secret of every service come from a file', () => {
    const secret = Object.values(specs).flatMap(({ fields }) =>
      Object.entries(fields).flatMap(([name, field]) => (field.secret ? [name] : [])),
    );

    expect(secretNames).toEqual(expect.arrayContaining([...new Set(secret)]));
  });
});

/** The environment as the entrypoint hands it to the service. */
function withSecretsRead(environment: Record<string, string>): Record<string, string> {
  const samples: Record<string, string> = { DATABASE_URL: 'postgres://mortise:secret@postgres:5432/mortise' };
  return Object.fromEntries(
    Object.entries(environment).map(([name, value]) => {
      const plain = name.replace(/_FILE$/, '');
      if (secretNames.includes(plain) && plain !== name) return [plain, samples[plain] ?? 'a'.repeat(64)];
      return [name, value.replace(/^\$\{\w+:-(.*)\}$/, '$1')];
    }),
  );
}
