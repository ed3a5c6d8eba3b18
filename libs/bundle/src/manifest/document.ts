import type { FieldError } from '@mortise/contracts';
import { codeFrame, type Place } from './text-place.js';
import { parseStrictJson } from './strict-json.js';
import { parseStrictYaml } from './strict-yaml.js';
import { TextProblem } from './text-problem.js';
import { checkStorable } from './storable.js';

/** A parsed JSON or YAML file that knows where each of its values stands. */
export interface Document {
  file: string;
  value: unknown;
  /** An error at a JSON pointer of the file, with line, column and frame of the nearest value that exists. */
  error(pointer: string, message: string, rule: string): FieldError;
}

export type ReadDocument = { ok: true; document: Document } | { ok: false; errors: FieldError[] };

/** Parses a file of the package strictly: JSON by its name, else YAML 1.2. */
export function readDocument(file: string, bytes: Buffer): ReadDocument {
  let text = '';
  const located = (message: string, rule: string, place?: Place, pointer = ''): FieldError => ({
    file,
    pointer,
    message,
    rule,
    ...(place && { ...place, frame: codeFrame(text, place) }),
  });
  try {
    text = decodeUtf8(bytes);
    const { value, places } = file.endsWith('.json') ? parseStrictJson(text) : parseStrictYaml(text);
    checkStorable(value, places);
    const error = (pointer: string, message: string, rule: string) =>
      located(message, rule, nearest(places, pointer), pointer);
    return { ok: true, document: { file, value, error } };
  } catch (problem) {
    if (!(problem instanceof TextProblem)) throw problem;
    return { ok: false, errors: [located(problem.message, problem.rule, problem.place, problem.pointer)] };
  }
}

function decodeUtf8(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new TextProblem('the file is not UTF-8 text', 'encoding');
  }
}

function nearest(places: ReadonlyMap<string, Place>, pointer: string): Place | undefined {
  for (let at = pointer; at !== ''; at = at.slice(0, at.lastIndexOf('/'))) {
    const place = places.get(at);
    if (place) return place;
  }
  return places.get('');
}
