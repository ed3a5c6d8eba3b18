/** What is wrong with a question, for the plugin: the name of an error of the web's and a text. */
export class Refused extends Error {
  constructor(name: string, message: string) {
    super(message);
    this.name = name;
  }
}

export function text(value: unknown): string {
  if (typeof value !== 'string') throw new Refused('TypeError', 'A text is missing');
  return value;
}

export function whole(value: unknown, least: number, most: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most) {
    throw new Refused('OperationError', `A whole number from ${least} to ${most} is missing`);
  }
  return value;
}

export const bytes = (value: unknown): Buffer => Buffer.from(text(value), 'latin1');
export const base64 = (value: unknown): Buffer => Buffer.from(text(value), 'base64');
export const latin1 = (value: Uint8Array): string =>
  Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('latin1');
