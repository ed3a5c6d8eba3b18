import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { referencePages } from './pages.js';

const folder = join(import.meta.dirname, '..', '..', 'docs', 'reference');

describe('docs/reference', () => {
  it.each(Object.entries(referencePages()))('holds in %s what the code says', (name, text) => {
    expect(readFileSync(join(folder, name), 'utf8'), 'stale: run "make docs" and commit it').toBe(text);
  });
});
