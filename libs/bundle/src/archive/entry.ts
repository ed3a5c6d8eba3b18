/** A file of an archive; read `content` to its end before asking for the next entry, or not at all. */
export interface ArchiveEntry {
  name: string;
  /** As the header says; the content is held to it. */
  sizeBytes: number;
  content: AsyncIterable<Buffer>;
}
