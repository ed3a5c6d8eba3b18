import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { buildPackage } from '@mortise/testing';
import type { Api } from '../faults/api.ts';

const hostileLimits = { timeoutMs: 800, memoryMb: 32 };
const goodLimits = { timeoutMs: 5_000, concurrency: 64 };

interface Case {
  id: string;
  code: string;
  top?: string;
  whole?: boolean;
  isolation?: string;
}

/** The cases that the executor is tested with. */
export const hostileCases: Case[] = ['plugin', 'own'].flatMap(
  (name) => JSON.parse(readFileSync(`services/executor/attacks/${name}.json`, 'utf8')) as Case[],
);

const good = `
export function echo(input) { return { nonce: input.nonce }; }
export async function keep(input, ctx) {
  await ctx.storage.set('nonce', input.nonce);
  ctx.log.info('kept', { nonce: input.nonce });
  return { nonce: await ctx.storage.get('nonce') };
}
export function work(input) {
  const until = Date.now() + input.ms;
  for (let n = 0; ; n++) if (n % 10_000 === 0 && Date.now() >= until) return n;
}`;

const fresh = (prefix: string) => `${prefix}-${randomBytes(5).toString('hex')}`;

/** A tenant of its own; its admin's credential. */
export async function newTenant(admin: Api): Promise<Api> {
  const slug = fresh('t');
  await admin.must(() => admin.post('/tenants', { slug, name: slug }), [201]);
  const made = await admin.must(
    () => admin.post('/api-keys', { tenant: slug, roles: ['tenant-admin'] }),
    [201],
  );
  return admin.as(String(made.body.key));
}

/** @returns the installation's id */
export const installGood = (api: Api): Promise<string | undefined> =>
  install(api, good, { functions: { echo: {}, keep: {}, work: {} }, limits: goodLimits });

/** @returns the installation's id; undefined when the case is found out at its upload */
export function installHostile(api: Api, attack: Case): Promise<string | undefined> {
  const main = attack.whole
    ? attack.code
    : `${attack.top ?? ''}\nexport const run = async (input, ctx) => {${attack.code}\n};`;
  return install(api, main, {
    functions: { run: {} },
    limits: hostileLimits,
    secrets: [{ key: 'API_KEY', title: 'key', required: false }],
    ...(attack.isolation && { isolation: attack.isolation }),
  });
}

async function install(api: Api, main: string, about: object): Promise<string | undefined> {
  const slug = fresh('p');
  const manifest = { manifestVersion: 1, slug, name: slug, version: '1.0.0', main: 'main.js', ...about };
  const uploaded = await api.upload(buildPackage({ manifest, files: { 'main.js': main } }));
  if (uploaded.status === 422) return undefined;
  const { plugin } = uploaded.body as { plugin?: { id: string } };
  if (!plugin) throw new Error(`not uploaded: ${uploaded.status} ${uploaded.detail ?? ''}`);
  const made = await api.must(() => api.post('/installations', { plugin: plugin.id, grants: 'all' }), [201]);
  const id = String(made.body.id);
  await api.must(() => api.post(`/installations/${id}/activate`), [200]);
  return id;
}
