/** A base64 text shorter than this may be anything. */
const leastBase64 = 8;

/** A value as part of a path: what has no meaning there stays readable, as some services want it. */
export const pathEncoded = (value: string): string =>
  encodeURIComponent(value).replace(/%(3A|40|2C|24|2B|3B|3D|26)/g, (encoded) => decodeURIComponent(encoded));

/** What a secret's value looks like where it was written into a URL, a JSON text or base64, the value itself first. */
export function secretForms(value: string): string[] {
  // Half a surrogate pair cannot be written into a URL.
  const whole = value.toWellFormed();
  const inUrl = [
    encodeURIComponent(whole),
    pathEncoded(whole),
    encodeURIComponent(whole).replaceAll('%20', '+'),
  ];
  const forms = [
    value,
    JSON.stringify(value).slice(1, -1),
    ...inUrl,
    ...inUrl.map((text) => text.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase())),
    ...base64Forms(Buffer.from(value)),
  ];
  return [...new Set(forms)];
}

/** The value may stand anywhere in what was encoded: the letters that are the same wherever it does, for each offset. */
function base64Forms(bytes: Buffer): string[] {
  const forms = [bytes.toString('base64')];
  for (const before of [0, 1, 2]) {
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
    forms.push(text.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6)));
  }
  return forms
    .filter((text) => text.length >= leastBase64)
    .flatMap((text) => [text, text.replaceAll('+', '-').replaceAll('/', '_')]);
}
