// `make packages`: bundles popular npm packages as `mortise build` does, has each do one real thing in the sandbox and in
// Node, and writes docs/reference/packages.md. They are installed into the cache; nothing of the project needs them.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from '@mortise/cli';
import { effectiveLimits } from '@mortise/contracts';
import { Sandbox } from '@mortise/sandbox';
import { page, table } from './docs/markdown.ts';

interface Sample {
  name: string;
  version: string;
  /** The import. */
  use: string;
  /** An expression that uses it; its value has to be JSON. */
  value: string;
}
interface Row {
  sample: Sample;
  kilobytes?: number;
  /** Why it does not run; absent when it does. */
  why?: string;
}

const list = JSON.parse(await readFile('bench/packages.json', 'utf8')) as Sample[];
const home = resolve('.cache/packages');
const limits = effectiveLimits({ timeoutMs: 10_000, memoryMb: 64 }, 'call');

function install(): void {
  const wanted = list.map(({ name, version }) => `${name}@${version}`);
  if (list.every(({ name }) => existsSync(join(home, 'node_modules', name)))) return;
  const flags = ['--ignore-scripts', '--save-exact', '--no-fund', '--no-audit', '--loglevel=error'];
  const { status } = spawnSync('npm', ['install', '--prefix', home, ...flags, ...wanted], {
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error('npm could not install the packages');
}

async function tryIt(sandbox: Sandbox, sample: Sample): Promise<Row> {
  const folder = join(home, 'samples', sample.name);
  const code = `${sample.use};\nexport const go = async () => (${sample.value});\n`;
  const manifest = {
    manifestVersion: 1,
    slug: 'sample',
    name: 'Sample',
    version: '1.0.0',
    main: 'dist/main.js',
  };
  await mkdir(join(folder, 'src'), { recursive: true });
  await writeFile(join(folder, 'src/main.js'), code);
  await writeFile(join(folder, 'plain.mjs'), code);
  await writeFile(join(folder, 'plugin.json'), JSON.stringify({ ...manifest, functions: { go: {} } }));

  const made = await build(folder, { sourceMap: false });
  if (!made.ok) return { sample, why: made.errors[0]?.message ?? made.code };
  const kilobytes = Math.round(made.sizeBytes / 1_024);
  const bundle = await readFile(join(folder, made.main), 'utf8');
  const result = await sandbox.invoke({
    executionId: sample.name,
    unit: {
      key: sample.name,
      tenantId: 'acme',
      digest: sample.name,
      cordon: 'acme',
      isolation: 'isolate',
      source: { filename: 'main.js', code: bundle },
    },
    handler: 'go',
    input: 'null',
    context: '{}',
    limits,
    deadline: Date.now() + limits.timeoutMs,
    host: () => Promise.resolve('null'),
    log() {},
  });
  if (result.status !== 'succeeded')
    return { sample, kilobytes, why: result.error?.message ?? result.status };
  const { go } = (await import(pathToFileURL(join(folder, 'plain.mjs')).href)) as {
    go: () => Promise<unknown>;
  };
  const isSame = result.result === JSON.stringify(await go());
  return { sample, kilobytes, ...(!isSame && { why: 'its result is another than in Node' }) };
}

install();
const sandbox = new Sandbox({ walls: 'prefer', logger: { info() {}, warn() {}, error() {} } });
await sandbox.start();
const rows: Row[] = [];
for (const sample of list) rows.push(await tryIt(sandbox, sample));
await sandbox.close();
await rm(join(home, 'samples'), { recursive: true, force: true });

const held = rows.filter(({ why }) => why === undefined).length;
const text = page(
  'Packages of npm',
  `${held} of ${rows.length} popular packages, bundled as \`mortise build\` does, did one real thing each in the sandbox with the same result as in Node. Written by \`make packages\` from \`bench/packages.json\`.`,
  table(
    ['package', 'version', 'bundle', 'runs'],
    rows.map(({ sample: { name, version }, kilobytes, why }) => [
      name,
      version,
      kilobytes === undefined ? '' : `${kilobytes} KB`,
      why === undefined ? 'yes' : `no: ${why}`,
    ]),
  ),
);
await writeFile(
  'docs/reference/packages.md',
  text.replace(
    'tools/docs.ts (make docs): change the code',
    'tools/packages.ts (make packages): change the code',
  ),
);
console.log(`${held} of ${rows.length} run; written: docs/reference/packages.md`);
