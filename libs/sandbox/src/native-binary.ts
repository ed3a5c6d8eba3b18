import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** isolated-vm's prebuilt binary, named without node-gyp-build: the worker may read no folder to look for it. */
export function nativeBinary(): string {
  const folder = dirname(createRequire(import.meta.url).resolve('isolated-vm/package.json'));
  const platform = `${process.platform}-${process.arch}`;
  const glibc = 'glibcVersionRuntime' in ((process.report.getReport() as { header: object }).header ?? {});
  const libc = process.platform === 'linux' ? (glibc ? '.glibc' : '.musl') : '';
  return join(folder, 'prebuilds', platform, `isolated-vm.abi${process.versions.modules}${libc}.node`);
}
