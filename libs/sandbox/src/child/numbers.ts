/**
 * Reads the non-negative whole numbers of a frame's first line, separated by single spaces, without cutting it up: this
 * runs several times for every execution on both sides.
 * @returns where the text after the line begins
 */
export function readNumbers(payload: string, from: number, into: number[]): number {
  let at = from;
  let count = 0;
  let value = 0;
  const last = into.length - 1;
  for (; at < payload.length; at++) {
    const code = payload.charCodeAt(at);
    if (code >= digit0 && code <= digit9) value = value * 10 + (code - digit0);
    else {
      if (count <= last) into[count++] = value;
      value = 0;
      if (code === lineFeed) return at + 1;
    }
  }
  if (count <= last) into[count] = value;
  return at;
}

const digit0 = 48;
const digit9 = 57;
const lineFeed = 10;
