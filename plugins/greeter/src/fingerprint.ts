/** A short keyed checksum (FNV-1a, 32 bits): shows that a secret was used, without showing it. Not cryptography. */
export function fingerprint(key: string, text: string): string {
  let hash = 0x811c9dc5;
  for (const character of `${key}\n${text}`) {
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  }
  return hash.toString(16).padStart(8, '0');
}
