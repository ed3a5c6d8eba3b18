import * as esbuild from 'esbuild';
import { describe, expect, it } from 'vitest';
import { SourceMaps } from './source-maps.js';
import type { PackageSource } from './sources.js';

const typescript = `interface Order { id: string }

export function pay(order: Order): never {
  throw new Error(\`no money for \${order.id}\`);
}
`;

/** A bundle as `mortise build --minify` makes it, and its map. */
function bundled(sourcemap: 'external' | 'inline'): PackageSource {
  const { code, map } = esbuild.transformSync(typescript, {
    loader: 'ts',
    sourcefile: '../src/pay.ts',
    minify: true,
    sourcemap,
  });
  return { filename: 'dist/main.js', code, ...(sourcemap === 'external' && { map }) };
}

const stackOf = ({ code }: PackageSource) => {
  const line = code.slice(0, code.indexOf('new Error')).split('\n').length;
  const column = code.split('\n')[line - 1]?.indexOf('new Error') ?? 0;
  return `Error: no money for 7\n    at pay (dist/main.js:${line}:${column + 1})`;
};
const clock = { at: 0, now: () => clock.at };
const maps = () => new SourceMaps({ now: () => (clock.at += 1_000) });

describe('stacks of bundled code', () => {
  it.each(['external', 'inline'] as const)('name the lines of the sources, by an %s map', (kind) => {
    const source = bundled(kind);

    expect(maps().mapped(stackOf(source), source)).toBe('Error: no money for 7\n    at pay (src/pay.ts:4:9)');
  });

  it('stay as they are without a map, with one that is none, and where the map says nothing', () => {
    const { map: _map, ...bare } = bundled('external');
    const stack = stackOf(bare);

    expect(maps().mapped(stack, bare)).toBe(stack);
    for (const map of [
      '',
      'null',
      '[]',
      '{"version":3}',
      '{"version":3,"sources":7,"names":[],"mappings":"AAAA"}',
    ])
      expect(maps().mapped(stack, { ...bare, map })).toBe(stack);
    const far = 'Error\n    at x (dist/main.js:999999:1)';
    expect(maps().mapped(far, bundled('external'))).toBe(far);
  });

  it('cost the process little, whatever the map is', () => {
    const { map: _map, ...bare } = bundled('external');
    const hostile = [
      'A'.repeat(900_000),
      ';'.repeat(1_000_000),
      'AAAA,'.repeat(200_000),
      '~'.repeat(2_000_000),
    ];
    for (const mappings of hostile) {
      const map = JSON.stringify({ version: 3, sources: ['\u0007/x'.repeat(500)], names: [], mappings });
      const started = performance.now();
      const shown = maps().mapped(stackOf(bare), { ...bare, map });
      expect(shown.length).toBeLessThan(400);
      expect(performance.now() - started).toBeLessThan(1_000);
    }
  });

  it('are left unmapped for a while where many packages fail at once', () => {
    const [one, other] = [bundled('external'), bundled('external')];
    const few = new SourceMaps({ now: () => 5_000 });

    expect(few.mapped(stackOf(one), one)).toContain('src/pay.ts');
    expect(few.mapped(stackOf(other), other)).toContain('dist/main.js');
    expect(few.mapped(stackOf(one), one)).toContain('src/pay.ts');
  });
});
