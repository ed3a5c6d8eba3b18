/** Text and bytes, by https://encoding.spec.whatwg.org, and base64. Other encodings than UTF-8 are the host's work. */
export function make(web) {
  const { webClass } = web.use('events');
  const { fromCharCode } = String;
  const portion = 8192;

  /** One character per byte, as questions and answers hold bytes. */
  const latin1 = (bytes) => {
    let text = '';
    for (let at = 0; at < bytes.length; at += portion) {
      text += fromCharCode.apply(null, bytes.subarray(at, at + portion));
    }
    return text;
  };
  const fromLatin1 = (text) => {
    const bytes = new Uint8Array(text.length);
    for (let at = 0; at < bytes.length; at++) bytes[at] = text.charCodeAt(at);
    return bytes;
  };
  const base64 = (bytes) => web.ask('btoa', [], latin1(bytes));
  const fromBase64 = (text) => fromLatin1(web.ask('atob', [], text));

  /** The bytes of what the web calls a BufferSource, not copied. */
  const bytesOf = (source) => {
    if (ArrayBuffer.isView(source)) {
      return new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
    }
    if (source instanceof ArrayBuffer) return new Uint8Array(source);
    throw new TypeError('The data is neither an ArrayBuffer nor a view of one');
  };

  /** Writes UTF-8 until the text or the room ends; surrogates alone become U+FFFD. */
  const write = (text, bytes) => {
    let at = 0;
    let i = 0;
    for (; i < text.length; i++) {
      let code = text.charCodeAt(i);
      let units = 1;
      if (code >= 0xd800 && code <= 0xdfff) {
        const next = code < 0xdc00 ? text.charCodeAt(i + 1) : 0;
        if (next >= 0xdc00 && next <= 0xdfff) {
          code = 0x10000 + ((code - 0xd800) << 10) + (next - 0xdc00);
          units = 2;
        } else code = 0xfffd;
      }
      const size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
      if (at + size > bytes.length) break;
      if (size === 1) bytes[at++] = code;
      else {
        bytes[at++] = (size === 2 ? 0xc0 : size === 3 ? 0xe0 : 0xf0) | (code >> (6 * (size - 1)));
        for (let left = size - 2; left >= 0; left--) bytes[at++] = 0x80 | ((code >> (6 * left)) & 63);
      }
      i += units - 1;
    }
    return { read: i, written: at };
  };
  const encode = (text) => {
    const bytes = new Uint8Array(text.length * 3);
    return bytes.slice(0, write(text, bytes).written);
  };

  class TextEncoder {
    get encoding() {
      return 'utf-8';
    }
    encode(input = '') {
      return encode(String(input));
    }
    encodeInto(source, destination) {
      if (!(destination instanceof Uint8Array)) throw new TypeError('The destination is not a Uint8Array');
      return write(String(source), destination);
    }
  }

  /** How many bytes at the end begin a character that has not come whole. */
  const incomplete = (encoding, bytes) => {
    const { length } = bytes;
    if (encoding === 'utf-8') {
      for (let back = 1; back <= 3 && back <= length; back++) {
        const byte = bytes[length - back];
        if (byte < 0x80) return 0;
        if (byte < 0xc0) continue;
        const size = byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
        if (byte < 0xc2 || byte > 0xf4 || back >= size) return 0;
        const second = bytes[length - back + 1];
        const low = byte === 0xe0 ? 0xa0 : byte === 0xf0 ? 0x90 : 0x80;
        const high = byte === 0xed ? 0x9f : byte === 0xf4 ? 0x8f : 0xbf;
        return second === undefined || (second >= low && second <= high) ? back : 0;
      }
      return 0;
    }
    if (encoding.startsWith('utf-16')) {
      const odd = length % 2;
      const high = bytes[length - odd - (encoding === 'utf-16le' ? 1 : 2)];
      return odd + (high >= 0xd8 && high <= 0xdb ? 2 : 0);
    }
    return 0;
  };

  class TextDecoder {
    #encoding;
    #fatal;
    #keepBom;
    #rest = new Uint8Array(0);
    #begun = false;
    #streaming = false;
    constructor(label = 'utf-8', options = {}) {
      const name = String(label);
      this.#encoding = /^utf-?8$/i.test(name) ? 'utf-8' : web.ask('encoding', [name]);
      this.#fatal = Boolean(options?.fatal);
      this.#keepBom = Boolean(options?.ignoreBOM);
    }
    get encoding() {
      return this.#encoding;
    }
    get fatal() {
      return this.#fatal;
    }
    get ignoreBOM() {
      return this.#keepBom;
    }
    decode(input = undefined, options = {}) {
      if (!this.#streaming) {
        this.#begun = false;
        this.#rest = new Uint8Array(0);
      }
      this.#streaming = Boolean(options?.stream);
      let bytes = input === undefined ? new Uint8Array(0) : bytesOf(input);
      if (this.#rest.length > 0) {
        const joined = new Uint8Array(this.#rest.length + bytes.length);
        joined.set(this.#rest);
        joined.set(bytes, this.#rest.length);
        bytes = joined;
      }
      const kept = this.#streaming ? incomplete(this.#encoding, bytes) : 0;
      this.#rest = bytes.slice(bytes.length - kept);
      const whole = bytes.subarray(0, bytes.length - kept);
      if (whole.length === 0) return '';
      const text = web.ask('decode', [this.#encoding, this.#fatal], latin1(whole));
      const bom = !this.#begun && !this.#keepBom && text.charCodeAt(0) === 0xfeff;
      this.#begun = true;
      return bom && /^utf/.test(this.#encoding) ? text.slice(1) : text;
    }
  }

  const plain = /[A-Za-z0-9@*_+\-./]/;
  const hex = (code, length) => code.toString(16).toUpperCase().padStart(length, '0');

  return {
    // The engine's own cannot be stopped; what libraries still use them for is short.
    escape: function escape(text) {
      return String(text).replace(/[^]/g, (unit) => {
        if (plain.test(unit)) return unit;
        const code = unit.charCodeAt(0);
        return code < 256 ? `%${hex(code, 2)}` : `%u${hex(code, 4)}`;
      });
    },
    unescape: function unescape(text) {
      return String(text).replace(/%(?:u([0-9a-f]{4})|([0-9a-f]{2}))/gi, (_all, long, short) =>
        String.fromCharCode(parseInt(long ?? short, 16)),
      );
    },
    TextEncoder: webClass(TextEncoder),
    TextDecoder: webClass(TextDecoder),
    atob: function atob(data) {
      if (arguments.length === 0) throw new TypeError('atob needs a text');
      return web.ask('atob', [], String(data));
    },
    btoa: function btoa(data) {
      if (arguments.length === 0) throw new TypeError('btoa needs a text');
      return web.ask('btoa', [], String(data));
    },
    ...{ latin1, fromLatin1, base64, fromBase64, bytesOf, encode },
    decode: (bytes) => {
      const text = web.ask('decode', ['utf-8', false], latin1(bytes));
      return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
    },
  };
}
