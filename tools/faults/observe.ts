import { createHash } from 'node:crypto';
import { readRecords } from '@mortise/testing';
import type { History } from './history.ts';
import { hasEnded, type Observed, type Told } from './observed.ts';
import { readTables, waiting } from './tables.ts';
import type { Tenant } from './tenants.ts';

/** The real name of a topic, under the default prefix. */
export const topicOf = (name: string): string => `mortise.${name}`;
const readTopic = (brokers: string, name: string) => readRecords(brokers, topicOf(name));

/** What a calm platform may take to finish everything. */
const calmMs = 30_000;

interface Platform {
  databaseUrl: string;
  brokers: string;
  tenants: Tenant[];
}

/** Waits until nothing is left to do, 30 s at most. @returns what is left then, and how long it took */
export async function calm({
  databaseUrl,
}: Platform): Promise<{ left: Observed['waiting']; tookMs: number }> {
  const startedAt = performance.now();
  for (let quiet = 0; ;) {
    const left = await waiting(databaseUrl);
    // Twice in a row: what has left an outbox is a claim only a moment later.
    quiet = left.length === 0 ? quiet + 1 : 0;
    const tookMs = Math.round(performance.now() - startedAt);
    if (quiet >= 3 || tookMs > calmMs) return { left, tookMs };
    await new Promise((next) => setTimeout(next, 500));
  }
}

/** Reads all that the checker needs. */
export async function observe(
  platform: Platform,
  history: History,
  left: Observed['waiting'],
): Promise<Observed> {
  const { brokers, databaseUrl, tenants } = platform;
  const seen = await seenByCalls(tenants);
  return {
    ...(await readTables(databaseUrl)),
    waiting: left,
    outcomes: await outcomes(brokers),
    deadLetters: (
      await Promise.all(
        ['gateway', 'registry', 'scheduler', 'executor'].map((service) => letters(brokers, service)),
      )
    ).flat(),
    lifecycle: await told(brokers, 'installation-lifecycle'),
    states: await told(brokers, 'installation-state'),
    seen,
    packages: await packages(tenants, history),
  };
}

async function seenByCalls(tenants: Tenant[]): Promise<Observed['seen']> {
  const changing = tenants.flatMap(({ api, installed }) =>
    installed.filter(({ steady }) => !steady).map(({ id }) => ({ api, id })),
  );
  return Promise.all(
    changing.map(async ({ api, id }) => {
      const { body } = await api.post(`/installations/${id}/execute`, {
        function: 'echo',
        input: { nonce: 'end' },
      });
      const { counter } = (body.result ?? {}) as { counter?: unknown };
      return { installation: id, counter: counter ?? JSON.stringify(body) };
    }),
  );
}

const parse = (value: Buffer | null): Record<string, unknown> | undefined => {
  try {
    return value ? (JSON.parse(value.toString()) as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
};

async function outcomes(brokers: string): Promise<Observed['outcomes']> {
  const told = (await readTopic(brokers, 'execution-events')).map(({ value }) => parse(value));
  return told.flatMap((data) =>
    data && hasEnded(String(data.status))
      ? [{ execution: String(data.executionId), status: String(data.status) }]
      : [],
  );
}

async function letters(brokers: string, service: string): Promise<Observed['deadLetters']> {
  return (await readTopic(brokers, `dead-letters.${service}`)).map(({ key, headers }) => ({
    service,
    key: String(key),
    reason: String(headers?.['dead-letter-reason']),
  }));
}

async function told(brokers: string, topic: string): Promise<Told[]> {
  return (await readTopic(brokers, topic)).flatMap(({ value }) => {
    const data = parse(value);
    return typeof data?.revision === 'number'
      ? [{ installation: String(data.installationId), revision: data.revision }]
      : [];
  });
}

async function packages(tenants: Tenant[], { asked }: History): Promise<Observed['packages']> {
  const found: Observed['packages'] = [];
  for (const one of asked) {
    const api = tenants.find(({ slug }) => slug === one.tenant)?.api;
    if (!one.package || !api) continue;
    const { path } = one.package;
    const answer = await fetch(`${api.base}/api/v1${path}`, { headers: api.credential });
    const bytes = Buffer.from(await answer.arrayBuffer());
    const digest = answer.ok
      ? createHash('sha256').update(bytes).digest('hex')
      : `${answer.status} ${bytes.toString().slice(0, 200)}`;
    found.push({ path, digest });
  }
  return found;
}
