import { intake } from '@mortise/contracts';
import type { Place } from './text-place.js';
import { pointerTo, reservedKeys, TextProblem } from './text-problem.js';

const valuesMax = 100_000;

/**
 * Refuses values that parse but cannot be kept: cycles and blow-ups that YAML aliases make, keys that mean something
 * to JavaScript, and text that PostgreSQL cannot store (U+0000, half surrogate pairs).
 */
export function checkStorable(root: unknown, places: ReadonlyMap<string, Place>): void {
  let values = 0;
  const fail = (pointer: string, message: string, rule: string): never => {
    throw new TextProblem(message, rule, places.get(pointer) ?? places.get(''), pointer);
  };
  const checkText = (text: string, pointer: string) => {
    if (text.includes('\0') || !text.isWellFormed()) {
      fail(pointer, 'text may not hold U+0000 or half a surrogate pair', 'text');
    }
  };
  const walk = (value: unknown, pointer: string, depth: number): void => {
    if (++values > valuesMax) fail('', `it holds more than ${valuesMax} values`, 'size');
    if (depth > intake.jsonDepth) fail('', `it nests deeper than ${intake.jsonDepth} levels`, 'depth');
    if (typeof value === 'string') return checkText(value, pointer);
    if (typeof value === 'number' && !Number.isFinite(value))
      fail(pointer, 'expected a finite number', 'number');
    if (typeof value === 'bigint') fail(pointer, 'this number is too large', 'number');
    if (typeof value !== 'object' || value === null) return;
    for (const [key, item] of Object.entries(value)) {
      const inner = pointerTo(pointer, key);
      if (!Array.isArray(value)) checkText(key, inner);
      if (reservedKeys.has(key))
        fail(inner, `the key "${key}" is a property name of JavaScript and cannot be used`, 'key');
      walk(item, inner, depth + 1);
    }
  };
  walk(root, '', 0);
}
