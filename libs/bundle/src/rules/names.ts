import { reservedSlugs, type Manifest } from '@mortise/contracts';
import semver from 'semver';
import { pointerTo } from '../manifest/text-problem.js';
import type { Finding, Rule } from './rule.js';

// Names become keys of objects and paths of URLs: these mean something to JavaScript already.
const propertyNames: ReadonlySet<string> = new Set([
  ...Object.getOwnPropertyNames(Object.prototype),
  'prototype',
  'then',
]);

/** Lists whose items carry a name that must be unique in the list. */
const named = [
  ['jobs', 'name'],
  ['tasks', 'type'],
  ['formulas', 'name'],
  ['secrets', 'key'],
  ['connections', 'key'],
] as const satisfies readonly (readonly [keyof Manifest, string])[];

function* namesIn(manifest: Manifest): Generator<{ list: string; name: string; pointer: string }> {
  for (const [list, property] of named) {
    for (const [index, item] of (manifest[list] ?? []).entries()) {
      const name = (item as Record<string, unknown>)[property];
      yield { list, name: String(name), pointer: `/${list}/${index}/${property}` };
    }
  }
  for (const list of ['widgets', 'pages', 'forms', 'menus', 'themes']) {
    const items = (manifest.ui?.[list] ?? []) as { id: string }[];
    for (const [index, { id }] of items.entries())
      yield { list: `ui.${list}`, name: id, pointer: `/ui/${list}/${index}/id` };
  }
  for (const [index, { type }] of (manifest.provides?.events ?? []).entries()) {
    yield { list: 'provides.events', name: type, pointer: `/provides/events/${index}/type` };
  }
}

export const nameRules: Rule[] = [
  {
    id: 'reserved-slug',
    what: 'slug and publisher are not names the platform keeps for itself',
    *check({ manifest }) {
      for (const key of ['slug', 'publisher'] as const) {
        const slug = manifest[key];
        if (slug !== undefined && reservedSlugs.has(slug)) {
          yield { pointer: `/${key}`, message: `"${slug}" is reserved: choose another ${key}` };
        }
      }
    },
    holds: { slug: 'weather', publisher: 'acme' },
    breaks: { slug: 'upload' },
  },
  {
    id: 'version-semver',
    what: 'the version is valid by semver 2.0.0',
    *check({ manifest: { version } }) {
      if (semver.valid(version) === null) {
        yield { pointer: '/version', message: `"${version}" is not a semantic version: see semver.org` };
      }
    },
    holds: { version: '1.2.3-beta.1+build.5' },
    breaks: { version: '1.2.3-beta..1' },
  },
  {
    id: 'reserved-name',
    what: 'functions and named parts are not called like properties of JavaScript objects',
    *check({ manifest }) {
      const functions = Object.entries(manifest.functions ?? {}).flatMap(([name, { handler }]) => [
        { name, pointer: pointerTo('/functions', name) },
        ...(handler === undefined
          ? []
          : [{ name: handler, pointer: `${pointerTo('/functions', name)}/handler` }]),
      ]);
      for (const { name, pointer } of [...functions, ...namesIn(manifest)]) {
        if (propertyNames.has(name))
          yield { pointer, message: `"${name}" is a property name of JavaScript: choose another` };
      }
    },
    holds: { functions: { build: {} } },
    breaks: { functions: { toString: {} } },
  },
  {
    id: 'duplicate-name',
    what: 'no two jobs, tasks, formulas, secrets, connections, views or provided events share a name',
    *check({ manifest }): Generator<Finding> {
      const seen = new Set<string>();
      for (const { list, name, pointer } of namesIn(manifest)) {
        const key = `${list} ${name}`;
        if (seen.has(key)) yield { pointer, message: `another entry of ${list} is called "${name}"` };
        seen.add(key);
      }
    },
    holds: { secrets: [{ key: 'TOKEN' }, { key: 'OTHER' }] },
    breaks: { secrets: [{ key: 'TOKEN' }, { key: 'TOKEN' }] },
  },
];
