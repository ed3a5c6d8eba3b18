import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { errorDefinition, intake } from '@mortise/contracts';
import { buildPackage, fuzz } from '@mortise/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readPackage } from './package.js';

const corpus = fileURLToPath(new URL('../fuzz/package', import.meta.url));
const mostMs = 5_000;
const mostGrownMb = 256;
const longest = Number(process.env.DURATION_S ?? 0) * 1_000 + 60_000;

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mortise-fuzz-'));
});
afterAll(() => rm(folder, { recursive: true }));

const isArchive = (bytes: Buffer) => ['504b', '1f8b'].includes(bytes.subarray(0, 2).toString('hex'));
/** Anything else is a manifest: changed bytes of an archive would be found by its checksums before it is read. */
const around = (manifest: Buffer) =>
  buildPackage({
    files: { 'plugin.yaml': manifest, 'main.js': 'export const greet = () => 1;', 'hooks/a.yaml': manifest },
  });

it(
  'takes a package or says why not, whatever the bytes: soon, in bounded memory, and writes nothing',
  async () => {
    const path = join(folder, 'package');
    let [taken, refused] = [0, 0];
    await fuzz({
      name: 'package',
      corpus,
      tries: 400,
      async target(input) {
        await writeFile(path, isArchive(input) ? input : around(input));
        const startedAt = performance.now();
        const beforeMb = process.memoryUsage.rss() / 1_048_576;

        const read = await readPackage(path);

        expect(performance.now() - startedAt).toBeLessThan(mostMs);
        expect(process.memoryUsage.rss() / 1_048_576 - beforeMb).toBeLessThan(mostGrownMb);
        expect(await readdir(folder)).toEqual(['package']);
        if (read.ok) {
          taken++;
          expect(read.package.digest).toMatch(/^[0-9a-f]{64}$/);
          expect(read.package.files.length).toBeLessThanOrEqual(intake.entries);
          for (const { name } of read.package.files) expect(name).not.toMatch(/^\/|\.\.|\\|\0/);
        } else {
          refused++;
          expect(errorDefinition(read.code).status).toBeGreaterThanOrEqual(400);
          expect(errorDefinition(read.code).status).toBeLessThan(500);
          // What a caller is shown is text that can be stored and sent.
          for (const { message } of read.errors) expect(message.isWellFormed()).toBe(true);
        }
      },
    });
    // Both sides of the gate are reached.
    expect(taken).toBeGreaterThan(0);
    expect(refused).toBeGreaterThan(0);
  },
  longest,
);
