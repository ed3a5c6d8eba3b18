/* The few web globals that bundled libraries expect. They reach nothing outside the isolate but log and timers. */
(function globals(p, core) {
  'use strict';
  const G = globalThis;
  const define = (name, value) =>
    p.defineProperty(G, name, {
      __proto__: null,
      value,
      writable: true,
      configurable: true,
      enumerable: false,
    });

  define('self', G);

  const print = (level, parts) => {
    let line = '';
    for (let i = 0; i < parts.length && i < 20 && line.length < 5000; i++) {
      const part = parts[i];
      let shown;
      try {
        shown =
          typeof part === 'string'
            ? part
            : part instanceof p.Error
              ? `${part.name}: ${part.message}`
              : (p.stringify(part) ?? p.String(part));
      } catch {
        shown = '[unprintable]';
      }
      line += (i > 0 ? ' ' : '') + p.slice(p.String(shown), 0, 4096);
    }
    core.write(level, line, undefined);
  };
  define('console', {
    debug: (...parts) => print(0, parts),
    trace: (...parts) => print(0, parts),
    log: (...parts) => print(1, parts),
    info: (...parts) => print(1, parts),
    warn: (...parts) => print(2, parts),
    error: (...parts) => print(3, parts),
  });

  define('queueMicrotask', (task) => {
    if (typeof task !== 'function') throw new p.TypeError('queueMicrotask needs a function');
    const run = core.current();
    p.then(p.resolved, () => {
      try {
        task();
      } catch (thrown) {
        if (run) print(3, [thrown]);
      }
    });
  });

  // Timers are the host's: they end with the execution, and none start while the file loads.
  const operate = (run) => {
    if (++run.timerOps > core.timerOperations) {
      throw core.overLimit(run, 'timers', core.timerOperations, run.timerOps);
    }
  };
  const start = (fn, delay, args, repeats) => {
    if (typeof fn !== 'function') throw new p.TypeError('a timer needs a function');
    const run = core.current();
    if (!run || run.ended) return 0;
    operate(run);
    const ms = p.number(delay);
    const delayMs = ms >= 1 && ms < 2147483648 ? p.floor(ms) : 1;
    const id = run.timerOps;
    run.timers ??= p.create(null);
    run.timers[id] = { __proto__: null, fn, args, repeats };
    core.post(run.no, `t${id} ${repeats ? -delayMs : delayMs}`);
    return id;
  };
  const stop = (id) => {
    const run = core.current();
    const key = p.number(id);
    if (!run || run.ended || !run.timers || !run.timers[key]) return;
    operate(run);
    delete run.timers[key];
    core.post(run.no, `u${key}`);
  };
  define('setTimeout', (fn, delay, ...args) => start(fn, delay, args, false));
  define('setInterval', (fn, delay, ...args) => start(fn, delay, args, true));
  define('clearTimeout', stop);
  define('clearInterval', stop);

  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  const digits = p.create(null);
  for (let i = 0; i < 64; i++) digits[alphabet[i]] = i;
  const invalid = () => new p.TypeError('The text is not valid base64 or holds characters over 0xFF');
  define('btoa', (input) => {
    const text = p.String(input);
    let out = '';
    for (let i = 0; i < text.length; i += 3) {
      const [a, b, c] = [p.charCodeAt(text, i), p.charCodeAt(text, i + 1), p.charCodeAt(text, i + 2)];
      if (a > 255 || b > 255 || c > 255) throw invalid();
      out += alphabet[a >> 2] + alphabet[((a & 3) << 4) | (b >> 4)];
      out += i + 1 < text.length ? alphabet[((b & 15) << 2) | (c >> 6)] : '=';
      out += i + 2 < text.length ? alphabet[c & 63] : '=';
    }
    return out;
  });
  define('atob', (input) => {
    let out = '';
    let bits = 0;
    let held = 0;
    let padding = 0;
    let count = 0;
    const text = p.String(input);
    for (let i = 0; i < text.length; i++) {
      const char = text[i];
      if (char === ' ' || char === '\n' || char === '\t' || char === '\r' || char === '\f') continue;
      if (char === '=') {
        padding++;
        continue;
      }
      const digit = digits[char];
      if (digit === undefined || padding > 0) throw invalid();
      count++;
      held = ((held << 6) | digit) & 0xffffff;
      bits += 6;
      if (bits >= 8) {
        bits -= 8;
        out += p.fromCharCode((held >> bits) & 255);
      }
    }
    if (count % 4 === 1 || padding > 2 || (padding > 0 && (count + padding) % 4 !== 0)) throw invalid();
    return out;
  });

  class TextEncoder {
    get encoding() {
      return 'utf-8';
    }
    encode(input = '') {
      const text = p.String(input);
      const bytes = new p.Uint8Array(text.length * 3);
      let at = 0;
      for (let i = 0; i < text.length; i++) {
        let code = p.charCodeAt(text, i);
        if (code >= 0xd800 && code <= 0xdfff) {
          const next = code < 0xdc00 ? p.charCodeAt(text, i + 1) : 0;
          if (next >= 0xdc00 && next <= 0xdfff) {
            code = 0x10000 + ((code - 0xd800) << 10) + (next - 0xdc00);
            i++;
          } else code = 0xfffd;
        }
        if (code < 0x80) bytes[at++] = code;
        else if (code < 0x800) {
          bytes[at++] = 0xc0 | (code >> 6);
          bytes[at++] = 0x80 | (code & 63);
        } else if (code < 0x10000) {
          bytes[at++] = 0xe0 | (code >> 12);
          bytes[at++] = 0x80 | ((code >> 6) & 63);
          bytes[at++] = 0x80 | (code & 63);
        } else {
          bytes[at++] = 0xf0 | (code >> 18);
          bytes[at++] = 0x80 | ((code >> 12) & 63);
          bytes[at++] = 0x80 | ((code >> 6) & 63);
          bytes[at++] = 0x80 | (code & 63);
        }
      }
      const exact = new p.Uint8Array(at);
      for (let i = 0; i < at; i++) exact[i] = bytes[i];
      return exact;
    }
  }
  class TextDecoder {
    #fatal;
    #keepBom;
    constructor(label = 'utf-8', options = undefined) {
      if (!p.test(/^utf-?8$/i, p.String(label))) throw new p.RangeError('Only utf-8 can be decoded here');
      this.#fatal = options?.fatal === true;
      this.#keepBom = options?.ignoreBOM === true;
    }
    get encoding() {
      return 'utf-8';
    }
    get fatal() {
      return this.#fatal;
    }
    decode(input = undefined) {
      if (input === undefined) return '';
      const bytes = p.isView(input)
        ? new p.Uint8Array(input.buffer, input.byteOffset, input.byteLength)
        : new p.Uint8Array(input);
      let out = '';
      const length = bytes.length;
      for (let i = 0; i < length;) {
        const first = bytes[i++];
        if (first < 0x80) {
          out += p.fromCharCode(first);
          continue;
        }
        const more =
          first >= 0xc2 && first < 0xe0
            ? 1
            : first >= 0xe0 && first < 0xf0
              ? 2
              : first >= 0xf0 && first < 0xf5
                ? 3
                : 0;
        let code = more === 1 ? first & 31 : more === 2 ? first & 15 : first & 7;
        let good = more > 0;
        for (let k = 0; good && k < more; k++) {
          const next = bytes[i];
          const low = k > 0 ? 0x80 : first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
          const high = k > 0 ? 0xbf : first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
          if (next === undefined || next < low || next > high) good = false;
          else {
            code = (code << 6) | (next & 63);
            i++;
          }
        }
        if (!good) {
          if (this.#fatal) throw new p.TypeError('The bytes are not valid utf-8');
          out += '\ufffd';
        } else if (code >= 0x10000) {
          code -= 0x10000;
          out += p.fromCharCode(0xd800 + (code >> 10), 0xdc00 + (code & 1023));
        } else if (code !== 0xfeff || out !== '' || this.#keepBom) out += p.fromCharCode(code);
      }
      return out;
    }
  }
  define('TextEncoder', TextEncoder);
  define('TextDecoder', TextDecoder);

  const uncloneable = () => new p.TypeError('The value cannot be cloned');
  const clone = (value, seen) => {
    if (typeof value === 'function' || typeof value === 'symbol') throw uncloneable();
    if (typeof value !== 'object' || value === null) return value;
    if (p.mapHas(seen, value)) return p.mapGet(seen, value);
    const keep = (copy) => {
      p.mapSet(seen, value, copy);
      return copy;
    };
    if (value instanceof p.Date) return keep(new p.Date(p.dateTime(value)));
    if (value instanceof p.RegExp) return keep(new p.RegExp(value.source, value.flags));
    if (value instanceof p.Buffers) return keep(p.bufferSlice(value, 0));
    if (p.isView(value)) {
      const tag = p.apply(p.typedTag, value, []);
      const buffer = p.bufferSlice(value.buffer, value.byteOffset, value.byteOffset + value.byteLength);
      return keep(tag === undefined ? new p.DataView(buffer) : new G[tag](buffer));
    }
    if (value instanceof p.Map) {
      const copy = keep(new p.Map());
      p.mapEach(value, (item, key) => p.mapSet(copy, clone(key, seen), clone(item, seen)));
      return copy;
    }
    if (value instanceof p.Set) {
      const copy = keep(new p.Set());
      p.setEach(value, (item) => p.setAdd(copy, clone(item, seen)));
      return copy;
    }
    if (value instanceof p.Error) {
      const copy = keep(new p.Error(value.message));
      p.defineProperty(copy, 'name', {
        __proto__: null,
        value: p.String(value.name),
        writable: true,
        configurable: true,
      });
      return copy;
    }
    const copy = keep(p.isArray(value) ? new p.Array(value.length) : {});
    for (const key of p.keys(value)) {
      p.defineProperty(copy, key, {
        __proto__: null,
        value: clone(value[key], seen),
        writable: true,
        enumerable: true,
        configurable: true,
      });
    }
    return copy;
  };
  define('structuredClone', (value) => clone(value, new p.Map()));
});
