// How the demo talks: a heading a step, a line a fact, colours only on a terminal.
import { styleText } from 'node:util';

const colours = process.stdout.isTTY;
const paint = (style: Parameters<typeof styleText>[0], text: string) =>
  colours ? styleText(style, text) : text;
let steps = 0;

export const step = (title: string) => console.log(`\n${paint('bold', `${++steps}. ${title}`)}`);
export const fact = (text: string) => console.log(`   ${text}`);
export const quote = (text: string) => console.log(paint('dim', `   | ${text}`));

/** A claim the demo makes: shown when it holds, the end of the demo when not. */
export function check(claim: string, holds: boolean, seen?: unknown): void {
  if (holds) return console.log(`   ${paint('green', 'ok')} ${claim}`);
  console.log(`   ${paint('red', 'NOT')} ${claim}`);
  throw new Error(`${claim}; seen: ${JSON.stringify(seen)}`);
}
