// Bundles each part of the runtime that plugins see (src/child/prelude/web) into one script whose value is a function.
// Run by the build for dist/; the sandbox calls it itself where it runs from sources.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

/** @type {(child: string, target: string) => void} */
export function bundleParts(child, target) {
  const folder = join(child, 'prelude', 'web');
  buildSync({
    entryPoints: readdirSync(folder)
      .filter((name) => name.endsWith('.js'))
      .map((name) => join(folder, name)),
    outdir: join(target, 'prelude', 'parts'),
    bundle: true,
    format: 'iife',
    globalName: 'part',
    banner: { js: '(function () {' },
    footer: { js: 'return part.make; })()' },
    target: 'es2024',
    // The source stays in each isolate that uses the part. Names are seen by plugins.
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'inline',
    logLevel: 'warning',
  });
}

if (argv[1] === fileURLToPath(import.meta.url)) bundleParts('src/child', 'dist/child');
