import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire, stripTypeScriptTypes } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const folderPrefix = 'mortise-sandbox-';

/** The folder with the worker's own few files; run from sources they are stripped of their types first. */
export function codeFolder(home: string): string {
  const beside = join(dirname(fileURLToPath(import.meta.url)), 'child');
  if (import.meta.url.endsWith('.js')) return beside;
  const target = join(home, 'code');
  mkdirSync(target);
  writeFileSync(join(target, 'package.json'), '{"type":"module"}');
  for (const entry of readdirSync(beside, { recursive: true, encoding: 'utf8' })) {
    if (entry.endsWith('.spec.ts') || !/\.[jt]s$/.test(entry)) continue;
    const text = readFileSync(join(beside, entry), 'utf8');
    mkdirSync(dirname(join(target, entry)), { recursive: true });
    writeFileSync(
      join(target, entry.replace(/\.ts$/, '.js')),
      entry.endsWith('.ts') ? stripTypeScriptTypes(text) : text,
    );
  }
  bundleParts(beside, target);
  return target;
}

/** What the build does with the parts of the runtime; its tool is there only beside the sources. */
function bundleParts(child: string, target: string): void {
  const tool = createRequire(import.meta.url)('../bundle-parts.mjs') as {
    bundleParts(child: string, target: string): void;
  };
  tool.bundleParts(child, target);
}

/** Removes the folders of supervisors that were killed. */
export function sweepLeftovers(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = Number(new RegExp(`^${folderPrefix}(\\d+)-`).exec(name)?.[1]);
    if (!pid || isAlive(pid)) continue;
    rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
