import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buildPackage } from '@mortise/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Sources } from './sources.js';

const bytes = buildPackage({ manifest: { slug: 'sample' }, files: { 'main.js': 'export const run = 1;' } });
const digest = createHash('sha256').update(bytes).digest('hex');

describe('a package whose store falls silent', () => {
  let folder: string;
  let answer: () => Promise<Readable>;
  let sources: Sources;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mortise-sources-'));
    sources = new Sources({ read: () => answer() }, folder, 100);
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const halfOfIt = () => {
    const stream = new Readable({ read: () => {} });
    stream.push(bytes.subarray(0, 10));
    return stream;
  };

  it.each([
    ['before it answers', () => new Promise<Readable>(() => {})],
    ['in the middle', () => Promise.resolve(halfOfIt())],
  ])('%s is unavailable in time, for everybody who waits, and is asked for again', async (_when, silent) => {
    answer = silent;
    const all = await Promise.allSettled([1, 2, 3].map(() => sources.load(digest, 'main.js')));
    expect(all.map((one) => one.status === 'rejected' && (one.reason as { code: string }).code)).toEqual([
      'UNAVAILABLE',
      'UNAVAILABLE',
      'UNAVAILABLE',
    ]);
    expect(await readdir(folder)).toEqual([]);

    answer = () => Promise.resolve(Readable.from([bytes]));
    expect((await sources.load(digest, 'main.js')).code).toContain('run = 1');
  });
});

describe('a package that the store does not give as it was', () => {
  const other = buildPackage({ manifest: { slug: 'sample' }, files: { 'main.js': 'export const run = 2;' } });
  const found = createHash('sha256').update(other).digest('hex');
  let folder: string;
  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'mortise-sources-'))));
  afterEach(() => rm(folder, { recursive: true, force: true }));
  const reading = (...answers: Buffer[]) =>
    new Sources({ read: () => Promise.resolve(Readable.from([answers.shift()])) }, folder);

  it('is read once more, for a byte may go wrong on the way', async () => {
    expect((await reading(other, bytes).load(digest, 'main.js')).code).toContain('run = 1');
  });

  it('is refused when it still is another one, and told by its sha256', async () => {
    await expect(reading(other, other).load(digest, 'main.js')).rejects.toMatchObject({
      code: 'INTEGRITY',
      details: { digest, found },
    });
    expect(await readdir(folder)).toEqual([]);
  });
});
