import type { Manifest } from '@mortise/contracts';
import { pointerTo } from '../manifest/text-problem.js';
import type { Rule } from './rule.js';

interface Reference {
  name: string;
  pointer: string;
}

type Loose = Record<string, unknown>;

/** Every place of a manifest that names a function. */
function* functionReferences(manifest: Manifest): Generator<Reference> {
  const from = function* (items: object[] | undefined, base: string, keys: string[]): Generator<Reference> {
    for (const [index, item] of (items ?? []).entries()) {
      for (const key of keys) {
        const name = (item as Loose)[key];
        if (typeof name === 'string') yield { name, pointer: `${base}/${index}/${key}` };
      }
    }
  };
  for (const list of ['events', 'routes', 'jobs', 'formulas'] as const) {
    yield* from(manifest[list], `/${list}`, ['function']);
  }
  yield* from(manifest.tasks, '/tasks', ['function', 'validate', 'onError']);
  yield* from(manifest.taskMiddleware, '/taskMiddleware', ['before', 'after', 'error']);
  yield* from(manifest.connections, '/connections', ['test']);
  yield* from(manifest.ui?.['menus'] as object[] | undefined, '/ui/menus', ['function']);
  for (const list of ['widgets', 'pages', 'forms']) {
    for (const [index, view] of ((manifest.ui?.[list] ?? []) as { functions?: string[] }[]).entries()) {
      for (const [at, name] of (view.functions ?? []).entries()) {
        yield { name, pointer: `/ui/${list}/${index}/functions/${at}` };
      }
    }
  }
  for (const [hook, name] of Object.entries(manifest.lifecycle ?? {})) {
    yield { name, pointer: pointerTo('/lifecycle', hook) };
  }
  if (manifest.default !== undefined) yield { name: manifest.default, pointer: '/default' };
}

export const functionRules: Rule[] = [
  {
    id: 'function-declared',
    what: 'each function that a trigger names is declared under functions',
    *check({ manifest }) {
      const declared = Object.keys(manifest.functions ?? {});
      for (const { name, pointer } of functionReferences(manifest)) {
        if (declared.includes(name)) continue;
        const known =
          declared.length > 0 ? `declared are ${declared.slice(0, 10).join(', ')}` : 'none is declared';
        yield { pointer, message: `no function "${name}" under functions; ${known}` };
      }
    },
    holds: { functions: { greet: {} }, default: 'greet' },
    breaks: { functions: { greet: {} }, events: [{ on: 'order.created', function: 'greeet' }] },
  },
  {
    id: 'something-to-run',
    what: 'a plugin contributes something: a function, a webhook or a view',
    *check({ manifest: { functions, webhooks, ui } }) {
      const isEmpty = [functions, webhooks, ui].every(
        (part) => part === undefined || Object.keys(part).length === 0,
      );
      if (isEmpty) yield { pointer: '', message: 'nothing to run: declare functions, webhooks or ui' };
    },
    holds: { functions: { greet: {} } },
    breaks: { functions: {} },
  },
];
