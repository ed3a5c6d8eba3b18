import { refuse } from '../refusal.js';
import { forbiddenContent, headBytes, isWasm } from './content.js';
import { archiveEntries } from './open.js';

export interface Survey {
  files: { name: string; sizeBytes: number }[];
  /** Content of the files that were asked for. */
  kept: Map<string, Buffer>;
  /** WebAssembly files: allowed only where the manifest says so. */
  wasm: string[];
}

/**
 * Reads a package through once: every entry is unpacked, counted and looked at, and only files that `keep` names are
 * held in memory, each up to the number of bytes it answers.
 */
export async function survey(path: string, keep: (name: string) => number | undefined): Promise<Survey> {
  const found: Survey = { files: [], kept: new Map(), wasm: [] };
  for await (const { name, content } of archiveEntries(path)) {
    const keptBytes = keep(name);
    const kept: Buffer[] = [];
    let head = Buffer.alloc(0);
    let sizeBytes = 0;
    for await (const chunk of content) {
      if (head.length < headBytes) head = Buffer.concat([head, chunk.subarray(0, headBytes - head.length)]);
      sizeBytes += chunk.length;
      if (keptBytes === undefined) continue;
      if (sizeBytes > keptBytes) throw fileTooLarge(name, keptBytes);
      kept.push(chunk);
    }
    const forbidden = forbiddenContent(name, head);
    if (forbidden) throw refuse('PACKAGE_FORBIDDEN_FILE', 'entry-content', `it is ${forbidden}`, name);
    if (isWasm(name, head)) found.wasm.push(name);
    if (keptBytes !== undefined) found.kept.set(name, Buffer.concat(kept));
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

const fileTooLarge = (name: string, bytes: number) =>
  refuse('PACKAGE_TOO_LARGE', 'file-size', `it is larger than ${bytes} bytes`, name);
