import semver from 'semver';
import type { Manifest } from '@mortise/contracts';
import { pointerTo } from '../manifest/text-problem.js';
import type { Finding, Rule } from './rule.js';

function* ranges(manifest: Manifest): Generator<{ range: string; pointer: string }> {
  for (const [name, wanted] of Object.entries(manifest.dependencies ?? {})) {
    const pointer = pointerTo('/dependencies', name);
    if (typeof wanted === 'string') yield { range: wanted, pointer };
    else yield { range: wanted.version, pointer: `${pointer}/version` };
  }
  for (const section of ['capabilities', 'engines'] as const) {
    for (const [name, range] of Object.entries(manifest[section] ?? {})) {
      yield { range: String(range), pointer: pointerTo(`/${section}`, name) };
    }
  }
}

export const dependencyRules: Rule[] = [
  {
    id: 'dependency-on-itself',
    what: 'a plugin does not depend on itself',
    *check({ manifest }) {
      for (const name of Object.keys(manifest.dependencies ?? {})) {
        const [slug, publisher] = name.split('/').reverse();
        if (slug !== manifest.slug || (publisher !== undefined && publisher !== manifest.publisher)) continue;
        yield { pointer: pointerTo('/dependencies', name), message: 'a plugin cannot depend on itself' };
      }
    },
    holds: { slug: 'weather', publisher: 'acme', dependencies: { 'other/weather': '^1.0.0' } },
    breaks: { slug: 'weather', publisher: 'acme', dependencies: { 'acme/weather': '^1.0.0' } },
  },
  {
    id: 'version-range',
    what: 'dependencies, capabilities and engines are named by version ranges, never by URL or tag',
    *check({ manifest }): Generator<Finding> {
      for (const { range, pointer } of ranges(manifest)) {
        if (semver.validRange(range) === null) {
          yield { pointer, message: `"${range}" is not a version range such as ^1.2.0` };
        }
      }
    },
    holds: { dependencies: { charts: '>=1.2 <3' } },
    breaks: { dependencies: { charts: 'git+https://evil.test/q' } },
  },
];
