/** Text with its long runs folded. */
export type FoldedText =
  string | (string | { repeat: string; times: number } | { each: string; times: number; join: string })[];

/** One entry of a hostile archive; every field beyond name and content is a lie or a trick. */
export interface HostileEntry {
  name: FoldedText;
  text?: FoldedText;
  /** Content of so many zero bytes. */
  zeros?: number;
  /** Zip in zip, so deep. */
  nested?: number;
  /** So many entries with a number behind the name. */
  repeat?: number;
  /** Unix mode in the zip directory. */
  mode?: number;
  /** Zip flags. */
  flags?: number;
  /** Zip compression method. */
  method?: number;
  /** Unpacked size that the zip headers claim. */
  lieSize?: number;
  /** Checksum that the zip headers claim. */
  lieCrc?: number;
  /** Name in the local zip header. */
  localName?: string;
  /** So many directory entries that share one local entry. */
  overlap?: number;
  /** Tar type flag. */
  type?: string;
  linkname?: string;
  /** Records of a pax header before the entry. */
  pax?: Record<string, string>;
  /** Long name in a GNU header before the entry. */
  gnu?: boolean;
}

/** How to build the archive of one case. */
export interface HostileBuild {
  format: 'zip' | 'tgz' | 'raw';
  entries?: HostileEntry[];
  /** Of raw: the file as latin-1. */
  text?: string;
  prefix?: string;
  suffix?: string;
  /** Of the zip. */
  comment?: string;
  /** Keep only this share of the bytes. */
  truncate?: number;
  /** A second gzip member with a file of its own. */
  appendGzip?: boolean;
  /** Bytes behind the tar's end blocks, inside the gzip. */
  afterEnd?: string;
}

export function unfold(text: FoldedText): string {
  if (typeof text === 'string') return text;
  return text
    .map((part) => {
      if (typeof part === 'string') return part;
      if ('repeat' in part) return part.repeat.repeat(part.times);
      return Array.from({ length: part.times }, (_, index) => part.each.replace('#', String(index))).join(
        part.join,
      );
    })
    .join('');
}

/** Entries with their repetitions written out. */
export const expand = (entries: HostileEntry[]): HostileEntry[] =>
  entries.flatMap(({ repeat, ...entry }) =>
    repeat
      ? Array.from({ length: repeat }, (_, index) => ({ ...entry, name: `${unfold(entry.name)}${index}` }))
      : [entry],
  );
