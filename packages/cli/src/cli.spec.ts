import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { readPackage } from '@mortise/bundle';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { build } from './build.js';
import { pack } from './pack.js';
import { run } from './program.js';

const repository = resolve(import.meta.dirname, '../../..');
const manifest = {
  manifestVersion: 1,
  slug: 'weather',
  name: 'Weather',
  version: '1.0.0',
  functions: { forecast: {} },
};

describe('the command line', () => {
  let dir = '';
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'mortise-cli-'));
  });
  afterEach(() => rm(dir, { recursive: true }));

  async function project(files: Record<string, string>) {
    for (const [name, text] of Object.entries({ 'plugin.json': JSON.stringify(manifest), ...files })) {
      await mkdir(dirname(join(dir, name)), { recursive: true });
      await writeFile(join(dir, name), text);
    }
  }
  async function command(...args: string[]) {
    const [out, errors]: [string[], string[]] = [[], []];
    const code = await run(args, {
      out: (text) => void out.push(text),
      error: (text) => void errors.push(text),
    });
    return { code, out: out.join(''), errors: errors.join('') };
  }

  it.each([
    ['welcome', 'dist/main.js'],
    ['greeter', 'dist/main.js'],
    ['digest', 'dist/main.js'],
    ['crc', 'dist/main.wasm'],
  ])('builds and packs the sample %s, twice into the same bytes', async (name, main) => {
    const copy = join(dir, name);
    const isSource = (path: string) => !/[/\\](dist|node_modules)$/.test(path);
    await cp(join(repository, 'plugins', name), copy, { recursive: true, filter: isSource });
    // So that the sdk is found as in an author's project.
    await symlink(join(repository, 'node_modules'), join(dir, 'node_modules'));

    expect(await build(copy, { conditions: ['source'] })).toMatchObject({ ok: true, main });
    const first = await pack(copy);
    const second = await pack(copy, { out: 'dist/again.zip' });

    expect(first).toMatchObject({ ok: true, slug: name, version: '1.0.0', warnings: [] });
    expect(first.ok && second.ok && first.digest === second.digest).toBe(true);
    expect(first.ok && first.files).toEqual(expect.arrayContaining(['README.md', main]));
  });

  it('bundles every module into one file without imports', async () => {
    await project({
      'src/main.ts': "import { sunny } from './sky.js';\nexport const forecast = () => ({ sunny });\n",
      'src/sky.ts': 'export const sunny: boolean = true;\n',
    });

    const built = await command('build', dir, '--json');
    const packed = await command('pack', dir, '-o', 'out.tar.gz', '--json');

    expect(JSON.parse(built.out)).toMatchObject({ ok: true, main: 'dist/main.js' });
    expect(await readFile(join(dir, 'dist/main.js'), 'utf8')).not.toContain('import');
    const { path, digest } = JSON.parse(packed.out) as { path: string; digest: string };
    expect(await readPackage(path)).toMatchObject({
      ok: true,
      package: { digest, manifest: { slug: 'weather' } },
    });
    expect([built.code, packed.code]).toEqual([0, 0]);
  });

  describe('with a module of WebAssembly', () => {
    const wasm = {
      'plugin.json': JSON.stringify({ ...manifest, runtime: 'wasm', main: 'dist/main.wasm' }),
    };

    it('assembles its text, and says how far its memory may grow', async () => {
      await project({ ...wasm, 'src/main.wat': '(module (memory 1) (func (export "forecast")))' });

      const built = await command('build', dir);

      expect(built).toMatchObject({ code: 0, errors: '' });
      expect(await pack(dir)).toMatchObject({ ok: true, files: ['dist/main.wasm', 'plugin.json'] });
    });

    it('takes a module that another toolchain built', async () => {
      await project(wasm);
      const rust = join(repository, 'libs/sandbox/test/fixtures/count_vowels.wasm');
      await mkdir(join(dir, 'target'));
      await cp(rust, join(dir, 'target/plugin.wasm'));

      const built = await command('build', dir, '--module', 'target/plugin.wasm');

      expect(built.code).toBe(1);
      expect(built.errors).toContain('"forecast" is not exported');
    });

    it('shows where its text is wrong', async () => {
      await project({ ...wasm, 'src/main.wat': '(module\n  (func (export "forecast") (i32.adz)))' });

      const { errors } = await command('build', dir);

      expect(errors).toContain('src/main.wat:2:30: unexpected token');
      expect(errors).toContain('> 2 |   (func (export "forecast") (i32.adz))');
    });

    it('says what publishing would refuse', async () => {
      const text = '(module (import "env" "now" (func)) (func (export "forecast")))';
      await project({ ...wasm, 'src/main.wat': text });

      expect(await build(dir)).toMatchObject({
        ok: false,
        errors: [{ rule: 'wasm-import', file: 'src/main.wat' }],
      });
    });
  });

  it('says that Node has no place in a plugin, with file and line', async () => {
    await project({
      'src/main.ts':
        "\nimport { readFileSync } from 'node:fs';\nexport const forecast = () => readFileSync('/etc/passwd');\n",
    });

    const { code, errors } = await command('build', dir);

    expect(code).toBe(1);
    expect(errors).toContain('src/main.ts:2:');
    expect(errors).toContain("Node's own modules do not exist in the sandbox");
  });

  it('names the function that the code does not export', async () => {
    await project({ 'src/main.ts': 'export const forcast = () => 1;\n' });

    expect(await build(dir)).toMatchObject({
      ok: false,
      errors: [{ rule: 'function-exported', file: 'src/main.ts' }],
    });
  });

  it('refuses what the server would refuse, shows the place and writes nothing', async () => {
    const broken = JSON.stringify(
      { ...manifest, jobs: [{ name: 'never', schedule: '0 0 30 2 *', function: 'forecast' }] },
      null,
      2,
    );
    await project({ 'plugin.json': broken, 'dist/main.js': 'export const forecast = () => 1;\n' });

    const { code, errors } = await command('pack', dir, '-o', 'out.zip');

    expect(code).toBe(1);
    expect(errors).toContain(
      'plugin.json:12:19 /jobs/0/schedule: "0 0 30 2 *": there is no such date: it never fires',
    );
    await expect(readFile(join(dir, 'out.zip'))).rejects.toThrow('ENOENT');
  });

  it('asks for a build first', async () => {
    await project({});

    expect(await pack(dir)).toMatchObject({
      ok: false,
      errors: [{ rule: 'file-exists', message: expect.stringContaining('mortise build') as string }],
    });
  });

  it('packs asset folders and the source map when asked, and no hidden files', async () => {
    await project({
      'src/main.ts': 'export const forecast = () => 1;\n',
      'assets/a.txt': 'a',
      'assets/.hidden': 'h',
      'README.md': '# Weather',
    });
    await build(dir);

    const packed = await pack(dir, { sourceMap: true });

    expect(packed.ok && packed.files).toEqual([
      'README.md',
      'assets/a.txt',
      'dist/main.js',
      'dist/main.js.map',
      'plugin.json',
    ]);
  });

  it('answers 2 for a command it does not know', async () => {
    expect((await command('biuld')).code).toBe(2);
    expect((await command('--help')).code).toBe(0);
  });
});
