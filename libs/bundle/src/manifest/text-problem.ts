import type { Place } from './text-place.js';

/** A text that cannot be parsed; never leaves readDocument. */
export class TextProblem extends Error {
  constructor(
    message: string,
    readonly rule: string,
    readonly place?: Place,
    readonly pointer = '',
  ) {
    super(message);
  }
}

/** A parsed text: its value, and where the value of each JSON pointer begins. */
export interface Parsed {
  value: unknown;
  places: ReadonlyMap<string, Place>;
}

export const pointerTo = (parent: string, key: string | number): string =>
  `${parent}/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`;

/** Keys that mean something to JavaScript itself; no file may use them. */
export const reservedKeys: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);
