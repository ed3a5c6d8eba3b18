import { refuse } from '../refusal.js';
import { forbiddenContent, headBytes, isWasm } from './content.js';
import { archiveEntries } from './open.js';

/** A file to hold in memory: how large it may be, and what it is when it is larger. */
export interface Kept {
  maxBytes: number;
  code: 'PACKAGE_TOO_LARGE' | 'MANIFEST_INVALID' | 'MAIN_INVALID';
}

export interface Survey {
  files: { name: string; sizeBytes: number }[];
  /** Content of the files that were asked for. */
  kept: Map<string, Buffer>;
  /** WebAssembly files: allowed only where the manifest says so. */
  wasm: string[];
}

/**
 * Reads a package through once: every entry is unpacked, counted and looked at, and only files that `keep` names are
 * held in memory, each up to the size that it answers.
 */
export async function survey(path: string, keep: (name: string) => Kept | undefined): Promise<Survey> {
  const found: Survey = { files: [], kept: new Map(), wasm: [] };
  for await (const { name, content } of archiveEntries(path)) {
    const wanted = keep(name);
    const kept: Buffer[] = [];
    let head = Buffer.alloc(0);
    let sizeBytes = 0;
    for await (const chunk of content) {
      if (head.length < headBytes) head = Buffer.concat([head, chunk.subarray(0, headBytes - head.length)]);
      sizeBytes += chunk.length;
      if (!wanted) continue;
      if (sizeBytes > wanted.maxBytes) throw fileTooLarge(name, wanted);
      kept.push(chunk);
    }
    const forbidden = forbiddenContent(name, head);
    if (forbidden) throw refuse('PACKAGE_FORBIDDEN_FILE', 'entry-content', `it is ${forbidden}`, name);
    if (isWasm(name, head)) found.wasm.push(name);
    if (wanted) found.kept.set(name, Buffer.concat(kept));
    found.files.push({ name, sizeBytes });
  }
  return found;
}

/** One file's content; undefined when the package has none of that name. */
export async function readEntry(path: string, wanted: string): Promise<Buffer | undefined> {
  for await (const { name, content } of archiveEntries(path)) {
    if (name !== wanted) continue;
    const parts: Buffer[] = [];
    for await (const chunk of content) parts.push(chunk);
    return Buffer.concat(parts);
  }
  return undefined;
}

const fileTooLarge = (name: string, { maxBytes, code }: Kept) =>
  refuse(code, 'file-size', `it is larger than ${maxBytes} bytes`, name);
