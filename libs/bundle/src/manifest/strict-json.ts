import { intake } from '@mortise/contracts';
import { placeAt, type Place } from './text-place.js';
import { pointerTo, reservedKeys, TextProblem, type Parsed } from './text-problem.js';

/**
 * JSON (RFC 8259) without what parsers understand differently: duplicate keys, `__proto__` and its kin, numbers
 * beyond doubles. Remembers where each value stands.
 */
export function parseStrictJson(text: string): Parsed {
  const parser = new JsonParser(text);
  return { value: parser.parse(), places: parser.places };
}

const literal = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

const quoted = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const space = /[ \t\r\n]*/y;

class JsonParser {
  readonly places = new Map<string, Place>();
  private at = 0;
  private readonly lineStarts: number[];

  constructor(private readonly text: string) {
    this.lineStarts = [0, ...[...text.matchAll(/\n/g)].map(({ index }) => index + 1)];
  }

  parse(): unknown {
    this.skipSpace();
    const value = this.value('', 0);
    if (this.at < this.text.length) this.fail('nothing may follow the value');
    return value;
  }

  private value(pointer: string, depth: number): unknown {
    if (depth > intake.jsonDepth) this.fail(`it nests deeper than ${intake.jsonDepth} levels`, 'depth');
    this.places.set(pointer, this.place());
    switch (this.text[this.at]) {
      case '{':
        return this.object(pointer, depth);
      case '[':
        return this.array(pointer, depth);
      case '"':
        return this.string();
      default:
        return this.literal();
    }
  }

  private object(pointer: string, depth: number): unknown {
    const found: Record<string, unknown> = {};
    this.list('}', () => {
      const keyAt = this.at;
      if (this.text[this.at] !== '"') this.fail('expected a key in double quotes');
      const key = this.string();
      const refuseKey = (why: string) => this.fail(`the key "${key}" ${why}`, 'key', keyAt);
      if (reservedKeys.has(key)) refuseKey('is a property name of JavaScript and cannot be used');
      if (Object.hasOwn(found, key)) refuseKey('stands here twice');
      this.expect(':');
      found[key] = this.value(pointerTo(pointer, key), depth + 1);
    });
    return found;
  }

  private array(pointer: string, depth: number): unknown {
    const found: unknown[] = [];
    this.list(']', () => found.push(this.value(pointerTo(pointer, found.length), depth + 1)));
    return found;
  }

  private list(close: string, item: () => void): void {
    this.at++;
    this.skipSpace();
    if (this.text[this.at] === close) return this.step();
    for (;;) {
      item();
      this.skipSpace();
      if (this.text[this.at] === close) return this.step();
      this.expect(',');
    }
  }

  private string(): string {
    quoted.lastIndex = this.at;
    const match = quoted.exec(this.text);
    if (!match) return this.fail('this text has no end, or holds a character or escape that JSON forbids');
    this.at = quoted.lastIndex;
    this.skipSpace();
    return JSON.parse(match[0]) as string;
  }

  private literal(): unknown {
    literal.lastIndex = this.at;
    const match = literal.exec(this.text);
    if (!match)
      return this.fail(
        this.at < this.text.length ? 'expected a value' : 'it ends before a value is complete',
      );
    const value: unknown = JSON.parse(match[0]);
    if (value === Infinity || value === -Infinity) this.fail('this number is too large');
    this.at = literal.lastIndex;
    this.skipSpace();
    return value;
  }

  private expect(character: string): void {
    this.skipSpace();
    if (this.text[this.at] !== character) this.fail(`expected "${character}"`);
    this.step();
  }

  private step(): void {
    this.at++;
    this.skipSpace();
  }

  private skipSpace(): void {
    space.lastIndex = this.at;
    space.exec(this.text);
    this.at = space.lastIndex;
  }

  /** Binary search: a large manifest has many values. */
  private place(): Place {
    let [low, high] = [0, this.lineStarts.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.lineStarts[middle] ?? 0) <= this.at) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: this.at - (this.lineStarts[low] ?? 0) + 1 };
  }

  private fail(message: string, rule = 'json', at = this.at): never {
    throw new TextProblem(`not valid JSON: ${message}`, rule, placeAt(this.text, at));
  }
}
