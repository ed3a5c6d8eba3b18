// The little Markdown that generated pages need.
const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

/** A table; cells are escaped. */
export const table = (head: string[], rows: string[][]): string =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.map(cell).join(' | ')} |`).join('\n');

export const code = (text: string): string => `\`${text}\``;

/** A page, with the sentence that says where it comes from. */
export const page = (title: string, ...parts: string[]): string =>
  [
    `# ${title}`,
    '<!-- Written by tools/docs.ts (make docs): change the code, not this file. -->',
    ...parts,
  ].join('\n\n') + '\n';
