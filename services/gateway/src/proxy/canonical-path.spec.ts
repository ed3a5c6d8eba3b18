import { route, routePath } from '@mortise/contracts';
import { describe, expect, it } from 'vitest';
import { canonicalPath, canonicalQuery } from './canonical-path.js';
import { entrances } from './entrances.js';

describe('the canonical path of an alias', () => {
  it('takes parameters by name and keeps them percent-encoded', () => {
    const run = canonicalPath('/api/plugins/{plugin}/jobs/{name}/run-now', routePath('plugins.jobs.run'));

    expect(run('/api/plugins/acme%2Fhello/jobs/daily/run-now')).toBe(
      '/api/v1/plugins/acme%2Fhello/jobs/daily/run-now',
    );
  });

  it('renames the verb where the older way had another one', () => {
    const enable = canonicalPath('/api/plugins/{plugin}/enable', routePath('plugins.activate'));

    expect(enable('/api/plugins/hello/enable')).toBe('/api/v1/plugins/hello/activate');
  });

  it('leaves no parameter open for any alias of the table', () => {
    const open = entrances().filter(
      ({ isAlias, name, path }) =>
        isAlias && canonicalPath(path, routePath(name))(path.replace(/[{}]/g, 'x')).includes('{'),
    );

    expect(open).toEqual([]);
  });
});

describe('the query of an alias', () => {
  it('gets its canonical names, and nothing else of it changes', () => {
    expect(canonicalQuery('?q=a%26q%3Db&limit=2', { q: 'search' })).toBe('?search=a%26q%3Db&limit=2');
    expect(canonicalQuery('?limit=2&q=q', { q: 'search' })).toBe('?limit=2&search=q');
    expect(canonicalQuery('?q=1&constructor=2')).toBe('?q=1&constructor=2');
  });
});

describe('the entrances', () => {
  it('are no two the same', () => {
    const shapes = entrances().map(({ method, path }) => `${method} ${path.replace(/\{\w+\}/g, '{}')}`);

    expect(new Set(shapes).size).toBe(shapes.length);
    expect(shapes).toContain(`${route('plugins.list').method} /api/plugins`);
  });
});
