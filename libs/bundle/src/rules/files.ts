import type { Manifest } from '@mortise/contracts';
import type { Finding, Rule } from './rule.js';

/** Every place of a manifest that names a file of the package. */
function* fileReferences(manifest: Manifest): Generator<{ path: string; pointer: string }> {
  if (Object.keys(manifest.functions ?? {}).length > 0) yield { path: manifest.main, pointer: '/main' };
  for (const [index, path] of (manifest.webhooks ?? []).entries())
    yield { path, pointer: `/webhooks/${index}` };
  const { icon, screenshots } = manifest as { icon?: string; screenshots?: string[] };
  if (icon !== undefined) yield { path: icon, pointer: '/icon' };
  for (const [index, path] of (screenshots ?? []).entries()) yield { path, pointer: `/screenshots/${index}` };
  for (const list of ['widgets', 'pages', 'forms']) {
    const views = (manifest.ui?.[list] ?? []) as { entry?: string }[];
    for (const [index, { entry }] of views.entries()) {
      if (entry !== undefined)
        yield { path: entry.replace(/#.*$/, ''), pointer: `/ui/${list}/${index}/entry` };
    }
  }
}

export const fileRules: Rule[] = [
  {
    id: 'file-exists',
    what: 'each file that the manifest names is in the package',
    *check({ manifest, files }): Generator<Finding> {
      for (const { path, pointer } of fileReferences(manifest)) {
        if (files.has(path)) continue;
        const hint = pointer === '/main' ? ': build it first (mortise build), or name another main' : '';
        yield { pointer, message: `the package has no file "${path}"${hint}` };
      }
    },
    holds: { main: 'index.js' },
    breaks: { main: 'nope.js' },
  },
  {
    id: 'main-runtime',
    what: 'main is a .wasm file exactly when the runtime is wasm',
    *check({ manifest: { runtime, main, functions } }) {
      if (Object.keys(functions ?? {}).length === 0) return;
      const isWasm = main.endsWith('.wasm');
      if (runtime === 'wasm' && !isWasm)
        yield { pointer: '/main', message: 'runtime wasm needs a main that ends in .wasm' };
      if (runtime === 'js' && isWasm)
        yield { pointer: '/main', message: 'a .wasm file needs runtime: wasm in the manifest' };
    },
    holds: { runtime: 'wasm', main: 'main.wasm' },
    breaks: { runtime: 'wasm', main: 'index.js' },
  },
  {
    id: 'webhook-file-type',
    what: 'webhook files are YAML or JSON',
    *check({ manifest }) {
      for (const [index, path] of (manifest.webhooks ?? []).entries()) {
        if (!/\.(ya?ml|json)$/.test(path))
          yield { pointer: `/webhooks/${index}`, message: 'expected a .yaml, .yml or .json file' };
      }
    },
    holds: { webhooks: ['webhook.yaml'] },
    breaks: { webhooks: ['index.js'] },
  },
];
