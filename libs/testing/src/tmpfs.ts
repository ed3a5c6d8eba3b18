import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A small file system of its own on a folder, to be filled or written to in vain. @returns what unmounts it */
export function mountTmpfs(folder: string, o: { sizeMb: number; readOnly?: boolean }): () => void {
  mkdirSync(folder, { recursive: true });
  const options = `size=${o.sizeMb}m,${o.readOnly ? 'ro' : 'rw'}`;
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'mortise-test', folder], { stdio: 'pipe' });
  return () => execFileSync('umount', [folder], { stdio: 'pipe' });
}

/** May this process mount? Says aloud what is left out when it may not. */
export function canMount(leftOut: string): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'mortise-mount-'));
  try {
    mountTmpfs(folder, { sizeMb: 1 })();
    return true;
  } catch {
    process.stderr.write(`LEFT OUT, because only root may mount a small disk: ${leftOut}\n`);
    return false;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
