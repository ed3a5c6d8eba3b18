// Builds one project: src/**/*.ts -> dist/**/*.js with swc (keeps decorator metadata, which esbuild drops) and
// copies everything else (SQL, JSON). Run from the project's folder; types are checked by `make lint`.
import { transformFile } from '@swc/core';
import { cp, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

await rm('dist', { recursive: true, force: true });
for (const entry of await readdir('src', { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || /\.(spec|contract)\.ts$/.test(entry.name)) continue;
  const source = join(entry.parentPath, entry.name);
  const target = join('dist', source.slice('src/'.length));
  await mkdir(dirname(target), { recursive: true });
  if (!/\.ts$/.test(entry.name)) {
    await cp(source, target);
    continue;
  }
  const { code, map } = await transformFile(source, {
    sourceMaps: true,
    jsc: {
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: true },
      target: 'es2024',
      experimental: { keepImportAttributes: true },
      keepClassNames: true,
    },
    module: { type: 'es6' },
  });
  const output = target.replace(/\.ts$/, '.js');
  await writeFile(output, `${code}\n//# sourceMappingURL=${basename(output)}.map\n`);
  await writeFile(`${output}.map`, map);
}
