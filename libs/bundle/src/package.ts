import type { Manifest } from '@mortise/contracts';
import type { Refusal } from './refusal.js';

export interface PackageFile {
  name: string;
  sizeBytes: number;
}

/** A package that may be published. */
export interface Package {
  /** Validated, defaults applied. */
  manifest: Manifest;
  /** Which file the manifest was: plugin.json, plugin.yaml ... */
  manifestFile: string;
  files: PackageFile[];
  /** The code of the manifest's `main`; '' when the package has no functions and no such file. */
  main: string;
  /** sha256 of the package, lower-case hex. */
  digest: string;
  /** Of the packed file. */
  sizeBytes: number;
  /** Advice; sections that nothing runs yet are named by `notRunYet`. */
  warnings: string[];
}

export type ReadPackage = { ok: true; package: Package } | Refusal;

export declare function readPackage(path: string): Promise<ReadPackage>;
export declare function readEntry(path: string, name: string): Promise<Buffer | undefined>;
