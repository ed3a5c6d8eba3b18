import foreign from './cases.json' with { type: 'json' };
import own from './own-cases.json' with { type: 'json' };
import type { HostileBuild } from './hostile-case.js';
import { hostileTar } from './hostile-tar.js';
import { hostileZip } from './hostile-zip.js';
import type { Refusal } from '../refusal.js';

/** Why a case is refused. */
export type ReasonClass =
  | 'PATH'
  | 'TYPE'
  | 'CORRUPT'
  | 'SIZE'
  | 'COUNT'
  | 'FORBIDDEN_FILE'
  | 'UNSUPPORTED'
  | 'DUPLICATE'
  | 'FORMAT'
  | 'MANIFEST'
  | 'MAIN';

export interface PackageCase {
  id: string;
  title: string;
  build: HostileBuild;
  expect: 'accepted' | ReasonClass;
}

/** Hostile packages and their harmless twins; each must end as it says. */
export const packageCases = [...foreign, ...own] as PackageCase[];

/** The archive of a case; with a slug, that stands in place of `probe`, the slug that every case uses. */
export function buildCase({ build }: PackageCase, slug = 'probe'): Buffer {
  if (build.format === 'raw') return Buffer.from(build.text ?? '', 'latin1');
  const renamed = renameSlug(build, slug);
  const bytes = renamed.format === 'zip' ? hostileZip(renamed) : hostileTar(renamed);
  return build.truncate ? bytes.subarray(0, Math.floor(bytes.length * build.truncate)) : bytes;
}

function renameSlug(build: HostileBuild, slug: string): HostileBuild {
  const rename = (text: string) => text.replace(/("slug": ?|^slug: )"?probe"?/m, `$1"${slug}"`);
  return {
    ...build,
    entries: (build.entries ?? []).map((entry) => {
      if (typeof entry.text === 'string') return { ...entry, text: rename(entry.text) };
      return entry.text
        ? { ...entry, text: entry.text.map((part) => (typeof part === 'string' ? rename(part) : part)) }
        : entry;
    }),
  };
}

const classOfRule: Readonly<Record<string, ReasonClass>> = {
  'archive-corrupt': 'CORRUPT',
  'archive-entries': 'COUNT',
  'archive-format': 'FORMAT',
  'archive-method': 'UNSUPPORTED',
  'archive-size': 'SIZE',
  'entry-content': 'FORBIDDEN_FILE',
  'entry-duplicate': 'DUPLICATE',
  'entry-path': 'PATH',
  'entry-type': 'TYPE',
};

/** The class of a refusal, from its code and first rule. */
export function classOf({ code, errors }: Pick<Refusal, 'code' | 'errors'>): ReasonClass | undefined {
  if (code === 'MANIFEST_INVALID' || code === 'MANIFEST_MISSING' || code === 'NOT_SUPPORTED_YET')
    return 'MANIFEST';
  if (code === 'MAIN_INVALID') return 'MAIN';
  return classOfRule[errors[0]?.rule ?? ''];
}
