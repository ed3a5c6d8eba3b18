import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '@mortise/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Source } from './types.js';
import { watchFile } from './watch-file.js';

let folder: string;
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'mortise-watch-'))));
afterEach(() => rm(folder, { recursive: true, force: true }));

it('tells of a file that is written, replaced or back, once for each content, until it is ended', async () => {
  const file = join(folder, 'main.js');
  await writeFile(file, 'one');
  const seen: Source[] = [];
  const end = await watchFile(file, (source) => seen.push(source));
  const saw = (code: string) => until(() => seen.at(-1)?.code === code, `the file is ${code}`);
  await writeFile(file, 'two');
  await saw('two');
  await writeFile(join(folder, 'next'), 'three');
  await rename(join(folder, 'next'), file);
  await saw('three');
  await rm(file);
  await writeFile(join(folder, 'beside.js'), 'not asked for');
  await writeFile(file, 'four');
  await saw('four');
  end();
  await writeFile(file, 'five');

  expect(new Set(seen.map(({ filename }) => filename))).toEqual(new Set(['main.js']));
  expect(seen.map(({ code }) => code)).toEqual(['two', 'three', 'four']);
});
