import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readPackage } from '../package.js';
import { buildCase, classOf, packageCases } from './corpus.js';

describe('hostile packages', () => {
  let dir = '';
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'mortise-corpus-'));
  });
  afterAll(() => rm(dir, { recursive: true }));

  it.each(packageCases)('$id ($title) ends as $expect', async (hostile) => {
    const path = join(dir, hostile.id);
    await writeFile(path, buildCase(hostile));

    const outcome = await readPackage(path);

    const reasons = outcome.ok
      ? undefined
      : JSON.stringify(outcome.errors.map(({ frame: _, ...rest }) => rest));
    expect(outcome.ok ? 'accepted' : classOf(outcome), reasons?.slice(0, 500)).toBe(hostile.expect);
  });

  it.each(['pkg-twin-entry', 'own-twin-yaml'])('%s can be built under a slug of its own', async (id) => {
    const twin = packageCases.find((hostile) => hostile.id === id);
    const path = join(dir, `${id}-renamed`);
    await writeFile(path, twin ? buildCase(twin, 'other-slug') : '');

    expect(await readPackage(path)).toMatchObject({
      ok: true,
      package: { manifest: { slug: 'other-slug' } },
    });
  });
});
