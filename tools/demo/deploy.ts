// Publishing and installing, tolerant of a platform that has seen the demo before.
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, pack } from '@mortise/cli';
import type { Api } from './api.ts';
import { check, fact } from './print.ts';

export interface Deployed {
  id: string;
  slug: string;
  versionId: string;
}

/** Packs a folder; what the pack command would refuse ends the demo with its words. */
async function packFolder(folder: string): Promise<Buffer> {
  const out = await mkdtemp(join(tmpdir(), 'mortise-demo-'));
  try {
    const outcome = await pack(folder, { out: join(out, 'plugin.zip') });
    if (!outcome.ok) throw new Error(`${folder} does not pack: ${JSON.stringify(outcome.errors)}`);
    return await readFile(outcome.path);
  } finally {
    await rm(out, { recursive: true, force: true });
  }
}

/** Builds and packs a plugin as its author would. */
export async function packed(folder: string): Promise<Buffer> {
  const built = await build(folder);
  if (!built.ok) throw new Error(`${folder} does not build: ${JSON.stringify(built.errors)}`);
  return packFolder(folder);
}

/** A plugin of one file that nobody should write, under a slug of its own. */
export async function packedSource(main: string, manifest: Record<string, unknown>): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'mortise-demo-'));
  try {
    const slug = `demo-${randomBytes(4).toString('hex')}`;
    await writeFile(join(folder, 'main.js'), main);
    await writeFile(
      join(folder, 'plugin.json'),
      JSON.stringify({
        manifestVersion: 1,
        slug,
        name: slug,
        version: '1.0.0',
        main: 'main.js',
        ...manifest,
      }),
    );
    return await packFolder(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Publishes, installs, configures and activates; what is there already stays. */
export async function deploy(api: Api, archive: Buffer, config?: Record<string, unknown>): Promise<Deployed> {
  const uploaded = await api.upload(archive);
  check(
    `published (${uploaded.status === 200 ? 'the same bytes were there' : `${archive.length} bytes`})`,
    uploaded.status === 201 || uploaded.status === 200,
    uploaded.body,
  );
  const { plugin, version, warnings } = uploaded.body as {
    plugin: { id: string; slug: string };
    version: { id: string; version: string };
    warnings: string[];
  };
  for (const warning of warnings) fact(`warning: ${warning}`);
  const before = await api.get(`/plugins/${plugin.id}`);
  const there = before.body.installation as { id: string; status: string } | null;
  if (there) {
    if (there.status !== 'active') await api.post(`/installations/${there.id}/activate`);
    return { id: there.id, slug: plugin.slug, versionId: version.id };
  }
  const installed = await api.post('/installations', {
    plugin: plugin.id,
    grants: 'all',
    ...(config ? { config } : {}),
  });
  check(`installed ${plugin.slug} ${version.version}`, installed.status === 201, installed.body);
  const id = installed.body.id as string;
  return { id, slug: plugin.slug, versionId: version.id };
}

export async function activate(api: Api, plugin: Deployed): Promise<void> {
  const { body } = await api.get(`/installations/${plugin.id}`);
  if (body.status === 'active') return;
  const activated = await api.post(`/installations/${plugin.id}/activate`);
  check(`activated ${plugin.slug}`, activated.status === 200, activated.body);
}
