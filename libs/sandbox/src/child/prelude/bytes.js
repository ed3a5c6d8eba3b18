/* Texts and bytes, by the globals as the prelude made them: no code runs beside a module that could replace them. */
(function bytes() {
  'use strict';
  const encoder = new TextEncoder();
  const lenient = new TextDecoder('utf-8', { ignoreBOM: true });
  const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const empty = new Uint8Array(0);
  const inBase64 = 3072;

  const toBase64 = (content) => {
    let binary = '';
    for (let at = 0; at < content.length; at += inBase64) {
      binary += String.fromCharCode.apply(undefined, content.subarray(at, at + inBase64));
    }
    return btoa(binary);
  };

  return {
    __proto__: null,
    encode: (string) => encoder.encode(string),
    /** @throws TypeError of bytes that are not UTF-8, when asked to be exact */
    decode: (content, exact) => (exact ? strict : lenient).decode(content),
    /** The body of a request as the host takes it. */
    body(content) {
      try {
        return { text: strict.decode(content) };
      } catch {
        return { base64: toBase64(content) };
      }
    },
    /** A piece of a response as the host gives it. */
    piece: ({ text, base64 }) =>
      typeof text === 'string'
        ? encoder.encode(text)
        : typeof base64 === 'string'
          ? Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))
          : empty,
    joined(pieces) {
      if (pieces.length === 1) return pieces[0];
      const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
      let at = 0;
      for (const piece of pieces) {
        whole.set(piece, at);
        at += piece.length;
      }
      return whole;
    },
  };
});
