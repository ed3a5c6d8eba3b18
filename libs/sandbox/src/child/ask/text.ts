import { TextDecoder } from 'node:util';
import type { Question } from './ask.js';
import { bytes, Refused, text } from './refused.js';

function decoder(label: unknown, fatal: boolean): TextDecoder {
  const name = text(label).slice(0, 64);
  try {
    return new TextDecoder(name, { fatal, ignoreBOM: true });
  } catch {
    throw new Refused('RangeError', `The encoding '${name}' is not known`);
  }
}

/** Encodings of text, and base64. Bytes are one character each. */
export const textQuestions: Record<string, Question> = {
  /** Args: label: the name of the encoding it stands for. */
  encoding: ([label]) => decoder(label, false).encoding,
  /** Args: label, fatal; rest: bytes. A byte order mark is kept. */
  decode: ([label, fatal], rest) => {
    try {
      return decoder(label, fatal === true).decode(bytes(rest));
    } catch (error) {
      if (error instanceof Refused) throw error;
      throw new Refused('TypeError', 'The bytes are not valid in this encoding');
    }
  },
  atob: (_args, rest) => {
    try {
      return atob(rest);
    } catch {
      throw new Refused('InvalidCharacterError', 'The text is not valid base64');
    }
  },
  btoa: (_args, rest) => {
    try {
      return btoa(rest);
    } catch {
      throw new Refused('InvalidCharacterError', 'The text holds characters over U+00FF');
    }
  },
};
