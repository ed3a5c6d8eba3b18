// Of isolated-vm only the one binary this image can load stays; sources and other platforms are 20 MB of nothing.
// Usage: trim.mjs FOLDER
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const [folder] = process.argv.slice(2);
const isolatedVm = join(folder, 'node_modules/isolated-vm');
if (existsSync(isolatedVm)) {
  const keep = new Set(['package.json', 'LICENSE', 'isolated-vm.js', 'prebuilds']);
  const prebuilds = join(isolatedVm, 'prebuilds');
  const platform = `${process.platform}-${process.arch}`;
  const binary = `isolated-vm.abi${process.versions.modules}.glibc.node`;
  if (!existsSync(join(prebuilds, platform, binary)))
    throw new Error(`isolated-vm brings no ${platform}/${binary}`);
  removeOthers(isolatedVm, (name) => keep.has(name));
  removeOthers(prebuilds, (name) => name === platform);
  removeOthers(join(prebuilds, platform), (name) => name === binary);
}

function removeOthers(parent, stays) {
  for (const name of readdirSync(parent)) {
    if (!stays(name)) rmSync(join(parent, name), { recursive: true });
  }
}
