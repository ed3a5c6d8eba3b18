/* Texts and bytes. UTF-8 by own code: the engine offers none, and the web's part of the prelude is loaded only when asked for. */
(function bytes() {
  'use strict';
  const empty = new Uint8Array(0);
  const atATime = 4096;
  const replacement = 0xfffd;

  const encode = (string) => {
    const { length } = string;
    let content = new Uint8Array(length);
    let at = 0;
    for (; at < length; at++) {
      const unit = string.charCodeAt(at);
      if (unit > 127) break;
      content[at] = unit;
    }
    if (at === length) return content;
    const ascii = content.subarray(0, at);
    content = new Uint8Array(at + (length - at) * 3);
    content.set(ascii);
    let end = at;
    for (; at < length; at++) {
      let point = string.codePointAt(at);
      if (point > 0xffff) at++;
      else if (point >= 0xd800 && point <= 0xdfff) point = replacement;
      if (point < 0x80) content[end++] = point;
      else {
        if (point < 0x800) content[end++] = 0xc0 | (point >> 6);
        else {
          if (point < 0x10000) content[end++] = 0xe0 | (point >> 12);
          else {
            content[end++] = 0xf0 | (point >> 18);
            content[end++] = 0x80 | ((point >> 12) & 63);
          }
          content[end++] = 0x80 | ((point >> 6) & 63);
        }
        content[end++] = 0x80 | (point & 63);
      }
    }
    return content.subarray(0, end);
  };

  /** One character of several bytes at a place: its code point or -1, and how many bytes to go on by. */
  const several = (content, at) => {
    const first = content[at];
    const length = first >= 0xf0 && first <= 0xf4 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4) return { point: -1, length: 1 };
    let point = first & (0xff >> (length + 1));
    for (let more = 1; more < length; more++) {
      const byte = content[at + more];
      let least = 0x80;
      let most = 0xbf;
      if (more === 1 && first === 0xe0) least = 0xa0;
      if (more === 1 && first === 0xed) most = 0x9f;
      if (more === 1 && first === 0xf0) least = 0x90;
      if (more === 1 && first === 0xf4) most = 0x8f;
      if (!(byte >= least && byte <= most)) return { point: -1, length: more };
      point = (point << 6) | (byte & 63);
    }
    return { point, length };
  };

  /** @throws TypeError of bytes that are not UTF-8, when asked to be exact */
  const decode = (content, exact) => {
    let string = '';
    for (let at = 0; at < content.length;) {
      let end = at;
      while (end < content.length && end - at < atATime && content[end] < 128) end++;
      if (end > at) string += String.fromCharCode.apply(undefined, content.subarray(at, end));
      const points = [];
      for (at = end; at < content.length && content[at] > 127 && points.length < atATime;) {
        const { point, length } = several(content, at);
        if (point < 0 && exact) throw new TypeError('The bytes are not UTF-8');
        points.push(point < 0 ? replacement : point);
        at += length;
      }
      if (points.length > 0) string += String.fromCodePoint.apply(undefined, points);
    }
    return string;
  };

  const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

  const toBase64 = (content) => {
    let string = '';
    for (let at = 0; at < content.length; at += 3) {
      const three = (content[at] << 16) | ((content[at + 1] ?? 0) << 8) | (content[at + 2] ?? 0);
      string += digits[three >> 18] + digits[(three >> 12) & 63];
      string += at + 1 < content.length ? digits[(three >> 6) & 63] : '=';
      string += at + 2 < content.length ? digits[three & 63] : '=';
    }
    return string;
  };

  /** @param string as the host writes it */
  const fromBase64 = (string) => {
    const content = new Uint8Array((string.length / 4) * 3);
    let end = 0;
    for (let at = 0; at < string.length; at += 4) {
      let four = 0;
      for (let i = 0; i < 4; i++) four = (four << 6) | Math.max(0, digits.indexOf(string[at + i]));
      for (const shift of [16, 8, 0]) content[end++] = four >> shift;
    }
    return content.subarray(0, end - (string.endsWith('==') ? 2 : string.endsWith('=') ? 1 : 0));
  };

  return {
    __proto__: null,
    encode,
    decode,
    /** The body of a request as the host takes it. */
    body(content) {
      try {
        return { text: decode(content, true) };
      } catch {
        return { base64: toBase64(content) };
      }
    },
    /** A piece of a response as the host gives it. */
    piece: ({ text, base64 }) =>
      typeof text === 'string' ? encode(text) : typeof base64 === 'string' ? fromBase64(base64) : empty,
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
