import { watch } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { Source } from './types.js';

/** Editors and bundlers write a file in several steps: what counts is how it is when they are done. */
const settledAfterMs = 30;

/**
 * Tells of each new content of a plugin's main file, so that the next run can be given it: a new digest is a new unit,
 * and what runs ends in the old one.
 * @param file path of the file; it may be replaced, and may not be there for a while
 * @param changed hears the file whenever its content is another than before
 * @returns ends the watch; resolves when the content of now is known
 */
export async function watchFile(file: string, changed: (source: Source) => void): Promise<() => void> {
  const filename = basename(file);
  let known: string | undefined;
  let timer: NodeJS.Timeout | undefined;
  let ended = false;
  const look = async () => {
    const code = await readFile(file, 'utf8').catch(() => undefined);
    if (ended || code === undefined || code === known) return;
    known = code;
    changed({ filename, code });
  };
  // The folder and not the file: a file that is replaced would take the watch with it.
  const watcher = watch(dirname(file), (_event, name) => {
    if (name !== null && name !== filename) return;
    clearTimeout(timer);
    timer = setTimeout(() => void look(), settledAfterMs);
  });
  known = await readFile(file, 'utf8').catch(() => undefined);
  return () => {
    ended = true;
    clearTimeout(timer);
    watcher.close();
  };
}
