import { errors as errorTable, type FieldError, type Manifest } from '@mortise/contracts';
import type { Refusal } from '../refusal.js';
import { readDocument, type Document } from './document.js';
import { checkManifestShape } from './validate.js';

/** Names a manifest may have, at the root of the package. */
const manifestNames = ['plugin.json', 'plugin.yaml', 'plugin.yml', 'manifest.json'];
export const isManifest = (name: string): boolean => manifestNames.includes(name);

export type ReadManifest = { ok: true; manifest: Manifest; document: Document } | Refusal;

/**
 * Parses the one manifest among some files and holds it to the schema; rules beyond the schema need the package.
 * @param names of everything in the package
 */
export function readManifest(files: ReadonlyMap<string, Buffer>, names: Iterable<string> = []): ReadManifest {
  const [file, other] = manifestNames.filter((name) => files.has(name));
  if (file === undefined) {
    const deeper = [...names].find((name) => isManifest(name.slice(name.lastIndexOf('/') + 1)));
    const message = deeper
      ? `there is one at ${deeper}: pack what is in its folder, not the folder`
      : errorTable.MANIFEST_MISSING.text;
    const error = { pointer: '', message, rule: 'manifest-missing' };
    return { ok: false, code: 'MANIFEST_MISSING', errors: [error] };
  }
  if (other !== undefined) {
    const message = `the package has two manifests, ${file} and ${other}: keep one`;
    return invalid(
      [file, other].map((name) => ({ file: name, pointer: '', message, rule: 'manifest-twice' })),
    );
  }
  const read = readDocument(file, files.get(file) ?? Buffer.alloc(0));
  if (!read.ok) return invalid(read.errors);
  const { document } = read;
  const shape = checkManifestShape(document.value);
  if (shape.ok) return { ok: true, manifest: shape.value, document };
  return invalid(
    shape.mismatches.map(({ pointer, message, rule }) => document.error(pointer, message, rule)),
  );
}

const invalid = (errors: FieldError[]): Refusal => ({ ok: false, code: 'MANIFEST_INVALID', errors });
