export interface Place {
  /** From 1. */
  line: number;
  /** From 1. */
  column: number;
}

/** Line and column of an offset. */
export function placeAt(text: string, offset: number): Place {
  const before = text.slice(0, offset);
  const line = before.split('\n').length;
  return { line, column: offset - before.lastIndexOf('\n') };
}

const around = 2;
const widthMax = 120;

/** The lines around a place with their numbers, and a caret under it. */
export function codeFrame(text: string, { line, column }: Place): string {
  const lines = text.split('\n');
  const first = Math.max(1, line - around);
  const last = Math.min(lines.length, line + around);
  const gutter = String(last).length;
  // Bundles are minified: of a long line only the part around the place is shown.
  const from = Math.max(0, column - 1 - widthMax / 2);
  const shown: string[] = [];
  for (let number = first; number <= last; number++) {
    const content = (lines[number - 1] ?? '').replace(/\r$/, '').slice(from, from + widthMax);
    shown.push(
      `${number === line ? '>' : ' '} ${String(number).padStart(gutter)} | ${printableLine(content)}`,
    );
    if (number === line)
      shown.push(`  ${' '.repeat(gutter)} | ${' '.repeat(Math.max(0, column - 1 - from))}^`);
  }
  return shown.join('\n');
}

/** The text is a stranger's: what moves a cursor or hides characters is shown as a replacement. */
const printableLine = (line: string): string =>
  line.replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g, (c) =>
    c === '\t' ? ' ' : '\ufffd',
  );
