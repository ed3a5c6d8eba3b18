import { intake } from '@mortise/contracts';

// Characters that some system reads as something else than part of a name: control, Windows' own, and those that
// are invisible or turn the direction of the text around.

const unsafeCharacter =
  /[\u0000-\u001f\u007f-\u009f\\:*?"<>|\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff9-\ufffd]/u;
const deviceName = /^(con|prn|aux|nul|conin\$|conout\$|clock\$|(com|lpt)[0-9\u00b9\u00b2\u00b3])(\.|$)/i;

/** Why a path inside a package cannot be taken; undefined when it can. A directory's name ends with a slash. */
export function nameProblem(name: string): string | undefined {
  if (name === '') return 'its name is empty';
  if (name.length > intake.pathLength) return `its path is longer than ${intake.pathLength} characters`;
  if (name.startsWith('/')) return 'its path is absolute';
  const character = unsafeCharacter.exec(name)?.[0];
  if (character) return `its name holds ${codePoint(character)}, which is not safe on every system`;
  const segments = name.replace(/\/$/, '').split('/');
  if (segments.length > intake.pathDepth) return `it lies deeper than ${intake.pathDepth} folders`;
  for (const segment of segments) {
    if (segment === '' || segment === '.' || segment === '..')
      return 'its path has an empty, . or .. segment';
    if (segment.startsWith('.')) return 'hidden files have no place in a package';
    if (/[. ]$/.test(segment) || segment.startsWith(' '))
      return 'a segment begins or ends with a space or ends with a dot';
    if (deviceName.test(segment)) return `${segment} is a device name on Windows`;
  }
  return undefined;
}

const codePoint = (character: string): string =>
  `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;

/** Two names with one key are the same file on some system: unicode forms and letter case are folded. */
export const nameKey = (name: string): string =>
  name.replace(/\/$/, '').normalize('NFKC').toUpperCase().toLowerCase().normalize('NFKC');
