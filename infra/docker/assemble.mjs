// Copies what one service runs on: its own build, those of the libraries it depends on, and the package.json of every
// workspace (npm ci compares them with the lock). Usage: assemble.mjs SERVICE TARGET
import { cpSync, existsSync, globSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const [service, target] = process.argv.slice(2);
const root = JSON.parse(readFileSync('package.json', 'utf8'));
const workspaces = new Map(
  root.workspaces
    .flatMap((pattern) => globSync(`${pattern}/package.json`))
    .map((file) => ({ folder: dirname(file), ...JSON.parse(readFileSync(file, 'utf8')) }))
    .map((workspace) => [workspace.name, workspace]),
);

const needed = new Set();
const need = (name) => {
  const workspace = workspaces.get(name);
  if (!workspace || needed.has(workspace)) return;
  needed.add(workspace);
  Object.keys(workspace.dependencies ?? {}).forEach(need);
};
need(`@mortise/${service}`);
if (needed.size === 0) throw new Error(`There is no service ${service}`);

const copy = (path) => {
  mkdirSync(dirname(join(target, path)), { recursive: true });
  cpSync(path, join(target, path), { recursive: true });
};
['package.json', 'package-lock.json', '.npmrc'].forEach(copy);
const scripts = ['trim.mjs', 'entrypoint.mjs', 'secret-names.mjs', 'healthcheck.mjs', 'make-secrets.mjs'];
for (const script of scripts) copy(join('infra/docker', script));
for (const { folder } of workspaces.values()) copy(join(folder, 'package.json'));
for (const { name, folder } of needed) {
  const dist = join(folder, 'dist');
  if (!existsSync(dist)) throw new Error(`${name} is not built: ${dist} is missing`);
  copy(dist);
}
