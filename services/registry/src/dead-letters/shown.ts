import { createHash } from 'node:crypto';
import { isUtf8 } from 'node:buffer';
import { deadLetterHeaders } from '@mortise/bus';
import type { DeadLetterDetailDto } from '@mortise/contracts';

type Shown = Pick<
  DeadLetterDetailDto,
  'partition' | 'offset' | 'headers' | 'value' | 'encoding' | 'masked' | 'sha256'
>;

const mask = '***';
const secretName =
  /authorization|cookie|password|passwd|passphrase|secret|token|api[-_]?key|private[-_]?key|credential/i;
// Our own keys and bearer credentials, wherever they stand.
const secretText = /\bmk_[\w-]{8,}|\b(?:Bearer|Basic)\s+[\w.~+/=-]{8,}/gi;
const own: ReadonlySet<string> = new Set(Object.values(deadLetterHeaders));

/** A message as operators see it: everything as it came but what looks like a secret. */
export function shown(headers: Record<string, string>, value: Buffer | null): Shown {
  const original = Object.fromEntries(Object.entries(headers).filter(([name]) => !own.has(name)));
  const maskedHeaders = Object.fromEntries(
    Object.entries(original).map(([name, text]) => [name, secretName.test(name) ? mask : maskText(text)]),
  );
  const text = value !== null && isUtf8(value) ? value.toString('utf8') : undefined;
  const readable = text === undefined ? undefined : maskJson(text);
  return {
    partition: Number(headers[deadLetterHeaders.partition] ?? 0),
    offset: headers[deadLetterHeaders.offset] ?? '0',
    headers: maskedHeaders,
    value: readable ?? value?.toString('base64') ?? null,
    encoding: readable === undefined && value !== null ? 'base64' : 'utf8',
    masked: readable !== text || JSON.stringify(maskedHeaders) !== JSON.stringify(original),
    sha256: value === null ? null : createHash('sha256').update(value).digest('hex'),
  };
}

const maskText = (text: string): string => text.replaceAll(secretText, mask);

function maskJson(text: string): string {
  let found = false;
  try {
    const masked = JSON.stringify(JSON.parse(text), (name, value: unknown) => {
      if (!secretName.test(name) || value === null) return value;
      found = true;
      return mask;
    });
    // Untouched text stays as it was written, spaces and all.
    return maskText(found ? masked : text);
  } catch {
    return maskText(text);
  }
}
