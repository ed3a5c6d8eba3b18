/** How many first bytes of a file the check below looks at. */
export const headBytes = 512;

const signature = (what: string, ...bytes: number[]) => ({ what, bytes: Buffer.from(bytes) });
const signatures = [
  signature('a program (ELF)', 0x7f, 0x45, 0x4c, 0x46),
  signature('a program (Mach-O)', 0xfe, 0xed, 0xfa, 0xce),
  signature('a program (Mach-O)', 0xfe, 0xed, 0xfa, 0xcf),
  signature('a program (Mach-O)', 0xce, 0xfa, 0xed, 0xfe),
  signature('a program (Mach-O)', 0xcf, 0xfa, 0xed, 0xfe),
  signature('a program (Mach-O or Java)', 0xca, 0xfe, 0xba, 0xbe),
  signature('an archive (zip)', 0x50, 0x4b, 0x03, 0x04),
  signature('an archive (zip)', 0x50, 0x4b, 0x05, 0x06),
  signature('an archive (gzip)', 0x1f, 0x8b),
  signature('an archive (rar)', 0x52, 0x61, 0x72, 0x21, 0x1a, 0x07),
  signature('an archive (7z)', 0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c),
  signature('an archive (xz)', 0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00),
  signature('an archive (bzip2)', 0x42, 0x5a, 0x68, 0x39, 0x31, 0x41, 0x59),
  signature('an archive (zstd)', 0x28, 0xb5, 0x2f, 0xfd),
];
const extension = /\.(node|so|dll|dylib|exe|com|jar|class|zip|tar|tgz|gz|rar|7z|xz|bz2|zst)$/i;
const wasm = Buffer.from('\0asm', 'latin1');

/** What a file is that has no place in a package, from its name and first bytes; undefined when it may stay. */
export function forbiddenContent(name: string, head: Buffer): string | undefined {
  const found = signatures.find(({ bytes }) => head.subarray(0, bytes.length).equals(bytes));
  if (found) return found.what;
  // "MZ" also begins words: a program has binary fields right after it.
  if (head.subarray(0, 2).toString('latin1') === 'MZ' && (head.length < 4 || head.includes(0)))
    return 'a program (PE)';
  if (head.subarray(257, 262).toString('latin1') === 'ustar') return 'an archive (tar)';
  const ending = extension.exec(name)?.[0];
  return ending && `a ${ending} file`;
}

/** WebAssembly is judged later: the manifest may declare it. */
export const isWasm = (name: string, head: Buffer): boolean =>
  head.subarray(0, 4).equals(wasm) || name.toLowerCase().endsWith('.wasm');
