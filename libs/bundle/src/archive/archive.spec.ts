import { createWriteStream } from 'node:fs';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createGzip, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { pack } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Refused } from '../refusal.js';
import { writePackage } from '../write.js';
import { nameKey, nameProblem } from './entry-name.js';
import { archiveEntries } from './open.js';
import { tarEnd, tarHeader } from './tar-block.js';

const megabyte = 1_048_576;

describe('reading an archive', () => {
  let dir = '';
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'mortise-archive-'));
  });
  afterAll(() => rm(dir, { recursive: true }));

  async function read(path: string): Promise<[string, string][]> {
    const found: [string, string][] = [];
    for await (const { name, content } of archiveEntries(path)) {
      const parts: Buffer[] = [];
      for await (const chunk of content) parts.push(chunk);
      found.push([name, Buffer.concat(parts).toString('hex')]);
    }
    return found;
  }
  /** How a reading ended, and the most memory it held above where it began. */
  setFlagsFromString('--expose-gc');
  const sweep = runInNewContext('gc') as () => void;

  async function observe(path: string): Promise<{ rule: string | undefined; heldMb: number; ms: number }> {
    const before = process.memoryUsage.rss();
    const started = performance.now();
    let most = before;
    let unswept = 0;
    let rule: string | undefined;
    try {
      for await (const { content } of archiveEntries(path)) {
        for await (const chunk of content) {
          // On a busy machine the collector comes late, and what it has not taken yet is not held.
          if ((unswept += chunk.length) < megabyte) continue;
          unswept = 0;
          sweep();
          most = Math.max(most, process.memoryUsage.rss());
        }
      }
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      rule = error.refusal.errors[0]?.rule;
    }
    return {
      rule,
      heldMb: (Math.max(most, process.memoryUsage.rss()) - before) / megabyte,
      ms: performance.now() - started,
    };
  }

  const segment = fc.stringMatching(/^[a-z0-9_äøλ-]{1,20}$/);
  const fileName = fc
    .array(segment, { minLength: 1, maxLength: 6 })
    .map((segments) => `${segments.join('/')}.txt`);
  const fileSet = fc
    .dictionary(fileName, fc.uint8Array({ maxLength: 2_000 }), { maxKeys: 12, noNullPrototype: true })
    .filter((files) => new Set(Object.keys(files).map(nameKey)).size === Object.keys(files).length);

  it.each(['zip', 'tar.gz'] as const)(
    'gives back what was written to a %s, whatever it is',
    async (format) => {
      await fc.assert(
        fc.asyncProperty(fileSet, async (files) => {
          const content = new Map(Object.entries(files).map(([name, bytes]) => [name, Buffer.from(bytes)]));
          const path = join(dir, 'round-trip');
          await writeFile(path, writePackage({ files: content, format }));

          const found = format === 'tar.gz' && content.size === 0 ? [] : await read(path);

          expect(new Map(found)).toEqual(
            new Map([...content].map(([name, bytes]) => [name, bytes.toString('hex')])),
          );
        }),
        { numRuns: 60 },
      );
    },
  );

  it('reads a tar as another library writes it', async () => {
    await fc.assert(
      fc.asyncProperty(fileSet, async (files) => {
        const names = Object.keys(files);
        fc.pre(names.length > 0);
        const tar = pack();
        for (const name of names) tar.entry({ name, mtime: new Date(0) }, Buffer.from(files[name] ?? []));
        tar.finalize();
        const path = join(dir, 'other-tar');
        await pipeline(tar, createGzip(), createWriteStream(path));

        expect((await read(path)).map(([name]) => name)).toEqual(names);
      }),
      { numRuns: 40 },
    );
  });

  it('writes the same bytes for the same files, in whatever order they come', () => {
    fc.assert(
      fc.property(fileSet, fc.constantFrom('zip' as const, 'tar.gz' as const), (files, format) => {
        const content = Object.entries(files).map(([name, bytes]) => [name, Buffer.from(bytes)] as const);
        const one = writePackage({ files: new Map(content), format });
        expect(writePackage({ files: new Map(content.toReversed()), format }).equals(one)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it('never takes an archive with one byte changed for something else', async () => {
    const files = new Map([['a.txt', 'some text that is long enough to be packed'.repeat(3)]]);
    for (const format of ['zip', 'tar.gz'] as const) {
      const bytes = writePackage({ files, format });
      const path = join(dir, 'flipped');
      const original = Buffer.from(files.get('a.txt') ?? '').toString('hex');
      for (let at = 0; at < bytes.length; at++) {
        const flipped = Buffer.from(bytes);
        flipped[at] = (flipped[at] ?? 0) ^ 0x41;
        await writeFile(path, flipped);
        const found = await read(path).catch((error: unknown) => error);
        // Times, attributes and the like may change; names and content may not.
        if (found instanceof Error) expect(found).toBeInstanceOf(Refused);
        else expect(found).toEqual([['a.txt', original]]);
      }
    }
  });

  it('refuses a tar.gz of a million entries early and with flat memory', async () => {
    const path = join(dir, 'million.tar.gz');
    await pipeline(
      function* () {
        const entries = 1_000;
        for (let at = 0; at < 1_000; at++) {
          yield Buffer.concat(
            Array.from({ length: entries }, (_, index) => tarHeader(`f${at * entries + index}`, 0)),
          );
        }
        yield tarEnd;
      },
      createGzip({ level: 1 }),
      createWriteStream(path),
    );

    const { rule, heldMb, ms } = await observe(path);

    expect(rule).toBe('archive-entries');
    expect(heldMb).toBeLessThan(32);
    expect(ms).toBeLessThan(2_000);
  });

  it('refuses a zip that names a million entries without reading its directory', async () => {
    const path = join(dir, 'million.zip');
    const file = await open(path, 'w');
    const end = Buffer.alloc(22);
    end.writeUInt32LE(0x06054b50, 0);
    end.writeUInt16LE(0xffff, 8);
    end.writeUInt16LE(0xffff, 10);
    end.writeUInt32LE(0xffffffff, 12);
    end.writeUInt32LE(0xffffffff, 16);
    await file.write(Buffer.from('PK\x03\x04', 'latin1'), 0, 4, 0);
    await file.write(end, 0, end.length, 45 * megabyte);
    await file.close();

    const { rule, heldMb, ms } = await observe(path);

    expect(rule).toBe('archive-entries');
    expect(heldMb).toBeLessThan(16);
    expect(ms).toBeLessThan(500);
  });

  it('holds only a few chunks of a large package', async () => {
    const path = join(dir, 'large.tar.gz');
    const block = Buffer.alloc(megabyte, 'never the same twice? always the same, but honest. ');
    const body = Buffer.concat([block, block, block, block]);
    const parts = Array.from({ length: 12 }, (_, index) =>
      Buffer.concat([tarHeader(`f${index}`, body.length), body]),
    );
    await writeFile(path, Buffer.concat([gzipSync(Buffer.concat([...parts, tarEnd]), { level: 0 })]));
    parts.length = 0;
    sweep();

    const { rule, heldMb } = await observe(path);

    expect(rule).toBeUndefined();
    expect(heldMb).toBeLessThan(48);
  });

  it('refuses a file above the upload cap unread', async () => {
    const path = join(dir, 'huge.zip');
    const file = await open(path, 'w');
    await file.truncate(51 * megabyte);
    await file.close();

    expect((await observe(path)).rule).toBe('archive-size');
  });
});

describe('names in a package', () => {
  it('are refused when any segment climbs, hides or means a device', () => {
    const bad = fc.constantFrom(
      '..',
      '.',
      '',
      '.git',
      'con',
      'NUL.txt',
      'com1',
      'a.',
      'b ',
      'a\\b',
      'a:b',
      'a\u202eb',
      'a\u0007b',
    );
    const good = fc.stringMatching(/^[a-z0-9]{3,6}$/);
    fc.assert(
      fc.property(
        fc.array(good, { maxLength: 3 }),
        bad,
        fc.array(good, { minLength: 1, maxLength: 3 }),
        (before, hostile, after) => {
          expect(nameProblem([...before, hostile, ...after].join('/'))).toBeDefined();
        },
      ),
    );
  });

  it.each([
    ['straße.txt', 'STRASSE.TXT'],
    ['caf\u00e9', 'cafe\u0301'],
    ['ﬁle', 'FILE'],
    ['a/', 'A'],
  ])('%s and %s are one file', (a, b) => {
    expect(nameKey(a)).toBe(nameKey(b));
  });
});
