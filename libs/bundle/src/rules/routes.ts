import type { Manifest } from '@mortise/contracts';
import type { Finding, Rule } from './rule.js';

type Segment = { kind: 'static'; text: string } | { kind: 'parameter'; name: string } | { kind: 'rest' };
interface ParsedRoute {
  index: number;
  path: string;
  methods: string[];
  segments: Segment[];
}

const parameter = /^(?::([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})$/;

/** A path as segments, or why it is none. `:x` and `{x}` are parameters, a last `*` takes the rest. */
function parsePath(
  path: string,
): { ok: true; segments: Segment[] } | { ok: false; rule: 'traverses' | 'malformed'; why: string } {
  const texts = path.replace(/^\//, '').replace(/\/$/, '').split('/');
  if (path === '/') return { ok: true, segments: [] };
  const segments: Segment[] = [];
  const names = new Set<string>();
  for (const [index, text] of texts.entries()) {
    if (text === '.' || text === '..')
      return { ok: false, rule: 'traverses', why: 'a path cannot climb with . or ..' };
    if (text === '') return { ok: false, rule: 'malformed', why: 'it has an empty segment' };
    if (text === '*' && index === texts.length - 1) {
      segments.push({ kind: 'rest' });
      continue;
    }
    const found = parameter.exec(text);
    const name = found?.[1] ?? found?.[2];
    if (name === undefined && /[*{}]|^:/.test(text)) {
      return {
        ok: false,
        rule: 'malformed',
        why: `"${text}": a parameter is a whole segment (:id or {id}), and * comes last`,
      };
    }
    if (name !== undefined && (names.has(name) || name in {})) {
      return { ok: false, rule: 'malformed', why: `the parameter name "${name}" is taken` };
    }
    if (name !== undefined) names.add(name);
    segments.push(name === undefined ? { kind: 'static', text } : { kind: 'parameter', name });
  }
  return { ok: true, segments };
}

function parsedRoutes(manifest: Manifest): ParsedRoute[] {
  return (manifest.routes ?? []).flatMap((route, index) => {
    const path = String(route['path']);
    const parsed = parsePath(path);
    const methods = [route['method'] ?? 'GET'].flat().map(String);
    return parsed.ok ? [{ index, path, methods, segments: parsed.segments }] : [];
  });
}

function* problems(manifest: Manifest, rule: 'traverses' | 'malformed'): Generator<Finding> {
  for (const [index, route] of (manifest.routes ?? []).entries()) {
    const parsed = parsePath(String(route['path']));
    if (!parsed.ok && parsed.rule === rule) yield { pointer: `/routes/${index}/path`, message: parsed.why };
  }
}

const rank = (segment: Segment | undefined) =>
  ['static', 'parameter', 'rest'].indexOf(segment?.kind ?? 'static');

/** Do two paths match a common URL, and if so, does one of them say every segment at least as exactly? */
function relation(a: Segment[], b: Segment[]): 'apart' | 'same' | 'ordered' | 'ambiguous' {
  let [aFirst, bFirst] = [false, false];
  for (let at = 0; at < Math.max(a.length, b.length); at++) {
    const [left, right] = [a[at], b[at]];
    if (left?.kind === 'rest' || right?.kind === 'rest') {
      if (left?.kind === right?.kind) break;
      if (left?.kind === 'rest') bFirst = true;
      else aFirst = true;
      break;
    }
    if (!left || !right) return 'apart';
    if (left.kind === 'static' && right.kind === 'static' && left.text !== right.text) return 'apart';
    if (rank(left) < rank(right)) aFirst = true;
    if (rank(right) < rank(left)) bFirst = true;
  }
  if (aFirst && bFirst) return 'ambiguous';
  return aFirst || bFirst ? 'ordered' : 'same';
}

function* pairs(manifest: Manifest, wanted: 'same' | 'ambiguous'): Generator<Finding> {
  const routes = parsedRoutes(manifest);
  for (const [at, later] of routes.entries()) {
    const other = routes
      .slice(0, at)
      .find(
        (earlier) =>
          relation(earlier.segments, later.segments) === wanted &&
          earlier.methods.some((m) => later.methods.includes(m)),
      );
    if (!other) continue;
    const why =
      wanted === 'same'
        ? 'both match the same requests'
        : 'some requests match both, and neither is more exact';
    yield {
      pointer: `/routes/${later.index}/path`,
      message: `"${later.path}" and "${other.path}" (/routes/${other.index}): ${why}`,
    };
  }
}

const routes = (...paths: string[]) => ({
  functions: { x: {} },
  routes: paths.map((path) => ({ method: 'GET', path, function: 'x' })),
});

export const routeRules: Rule[] = [
  {
    id: 'route-traversal',
    what: 'a route stays below the plugin: no . or .. segments',
    check: ({ manifest }) => problems(manifest, 'traverses'),
    holds: routes('/a/b..c'),
    breaks: routes('/../../api/v1/plugins'),
  },
  {
    id: 'route-path',
    what: 'parameters are whole segments with names of their own, * stands last',
    check: ({ manifest }) => problems(manifest, 'malformed'),
    holds: routes('/a/:x/{y}/*', '/jobs:run'),
    breaks: routes('/a/{x}/{x}'),
  },
  {
    id: 'route-clash',
    what: 'no two routes match the same requests',
    check: ({ manifest }) => pairs(manifest, 'same'),
    holds: {
      functions: { x: {} },
      routes: [
        { path: '/a/:x', function: 'x' },
        { path: '/a/:y', method: 'POST', function: 'x' },
      ],
    },
    breaks: routes('/a/:x', '/a/{y}'),
  },
  {
    id: 'route-shadow',
    what: 'where two routes match one request, one of them is more exact in every segment',
    check: ({ manifest }) => pairs(manifest, 'ambiguous'),
    holds: routes('/a/:x', '/a/b', '/a/*'),
    breaks: routes('/a/:x/c', '/a/b/:y'),
  },
];
