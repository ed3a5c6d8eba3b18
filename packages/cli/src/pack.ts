import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve, sep } from 'node:path';
import type { Manifest } from '@mortise/contracts';
import { isManifest, notRunYet, readPackage, writePackage, type Refusal } from '@mortise/bundle';
import { readProjectManifest } from './project.js';

export interface PackOptions {
  /** Where to write the package; default dist/{slug}-{version}.zip. A name that ends in .tar.gz or .tgz decides the format. */
  out?: string;
  /** Put main's source map in, so that errors name lines of the sources. */
  sourceMap?: boolean;
}

export type PackOutcome =
  | {
      ok: true;
      /** Absolute path of the package. */
      path: string;
      slug: string;
      version: string;
      /** sha256, lower-case hex. */
      digest: string;
      sizeBytes: number;
      files: string[];
      warnings: string[];
    }
  | Refusal;

/** Folders whose whole content is packed. */
const assetFolders = ['assets', 'static', 'ui', 'webhooks', 'transforms'];
const documents = /^(readme|license|notice|changelog)(\.[a-z]+)?$/i;

/**
 * Packs a built plugin: manifest, main, the files the manifest names, asset folders and documents. The package is
 * checked as the server will check it, and the same files give the same bytes.
 */
export async function pack(dir: string, options: PackOptions = {}): Promise<PackOutcome> {
  const root = resolve(dir);
  const read = await readProjectManifest(root);
  if (!read.ok) return read;
  const { manifest } = read;
  const out = resolve(root, options.out ?? `dist/${manifest.slug}-${manifest.version}.zip`);
  const files = await collect(root, manifest, options);
  const bytes = writePackage({ files, format: /\.(tar\.gz|tgz)$/.test(out) ? 'tar.gz' : 'zip' });
  const checked = await check(bytes);
  if (!checked.ok) return checked;
  await mkdir(dirname(out), { recursive: true });
  await writeFile(out, bytes);
  const { digest, sizeBytes, warnings } = checked.package;
  const dormant = notRunYet(manifest).map((section) => `${section}: kept, and not run yet`);
  return {
    ok: true,
    path: out,
    slug: manifest.slug,
    version: manifest.version,
    digest,
    sizeBytes,
    files: [...files.keys()].sort(),
    warnings: [...warnings, ...dormant],
  };
}

/** Through a file, because that is how packages are read. */
async function check(bytes: Buffer): ReturnType<typeof readPackage> {
  const dir = await mkdtemp(join(tmpdir(), 'mortise-pack-'));
  try {
    const path = join(dir, 'package');
    await writeFile(path, bytes);
    return await readPackage(path);
  } finally {
    await rm(dir, { recursive: true });
  }
}

async function collect(
  root: string,
  manifest: Manifest,
  { sourceMap }: PackOptions,
): Promise<Map<string, Buffer>> {
  const names = new Set<string>();
  for (const name of await readdir(root)) if (isManifest(name) || documents.test(name)) names.add(name);
  for (const folder of assetFolders) for (const name of await filesBelow(root, folder)) names.add(name);
  for (const name of namedFiles(manifest)) names.add(name);
  if (sourceMap) names.add(`${manifest.main}.map`);
  const files = new Map<string, Buffer>();
  // A named file that is missing is left to the check, which says where it is named.
  for (const name of names)
    if (await isFile(join(root, name))) files.set(name, await readFile(join(root, name)));
  return files;
}

function namedFiles(manifest: Manifest): string[] {
  const { icon, screenshots } = manifest as { icon?: string; screenshots?: string[] };
  return [
    manifest.main,
    ...(manifest.webhooks ?? []),
    ...(screenshots ?? []),
    ...(icon === undefined ? [] : [icon]),
  ];
}

async function filesBelow(root: string, folder: string): Promise<string[]> {
  if (!(await stat(join(root, folder)).catch(() => undefined))?.isDirectory()) return [];
  const found = await readdir(join(root, folder), { recursive: true, withFileTypes: true });
  return found
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'));
}

const isFile = async (path: string) => (await stat(path).catch(() => undefined))?.isFile() ?? false;
