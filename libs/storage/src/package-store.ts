import type { Readable } from 'node:stream';

export interface StoredFile {
  name: string;
  modifiedAt: Date;
}

/**
 * Keeps packages by name: `staging/{uploadId}` while an upload is checked, `packages/{digest}` for good. What stands
 * under `packages/` never changes: writing a name again leaves what is there. A name appears whole or not at all.
 */
export interface PackageStore {
  /**
   * @param digest sha256 in hex the file must have
   * @throws AppError CHECKSUM_MISMATCH, nothing is stored then
   */
  putFile(name: string, path: string, o?: { digest?: string }): Promise<void>;
  /** undefined when there is nothing under this name. */
  read(name: string): Promise<Readable | undefined>;
  /**
   * Without the bytes passing through this process where the store can.
   * @throws AppError NOT_FOUND when `from` is not there
   */
  copy(from: string, to: string): Promise<void>;
  /** Nothing under this name is fine. */
  remove(name: string): Promise<void>;
  stat(name: string): Promise<{ sizeBytes: number; modifiedAt: Date } | undefined>;
  /** Names that start with the prefix, in no certain order. */
  list(prefix: string): AsyncIterable<StoredFile>;
  /** Throws when the store cannot be written to. */
  ping(): Promise<void>;
}
