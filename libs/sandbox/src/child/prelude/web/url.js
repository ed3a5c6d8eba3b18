/** URL and URLSearchParams, by https://url.spec.whatwg.org; the host parses. */
export function make(web) {
  const { webClass } = web.use('events');
  const parts = ['href', 'origin', 'protocol', 'username', 'password', 'host', 'hostname'];
  parts.push('port', 'pathname', 'search', 'hash');
  const usv = (value) => String(value).toWellFormed();

  const unescaped = (text) => {
    const spaced = text.replaceAll('+', ' ');
    if (!spaced.includes('%')) return spaced;
    try {
      return decodeURIComponent(spaced).toWellFormed();
    } catch {
      const { encode, decode } = web.use('encoding');
      const bytes = encode(spaced);
      const hex = (at) => {
        const digits = String.fromCharCode(bytes[at], bytes[at + 1]);
        return /^[0-9a-f]{2}$/i.test(digits) ? parseInt(digits, 16) : -1;
      };
      let length = 0;
      for (let at = 0; at < bytes.length; at++) {
        const byte = bytes[at] === 0x25 && at + 2 < bytes.length ? hex(at + 1) : -1;
        bytes[length++] = byte < 0 ? bytes[at] : byte;
        if (byte >= 0) at += 2;
      }
      // A byte order mark is part of a value.
      return `\ufeff${decode(bytes.subarray(0, length))}`.slice(1);
    }
  };
  const escapes = { '!': '%21', "'": '%27', '(': '%28', ')': '%29', '~': '%7E', '%20': '+' };
  const escaped = (text) => encodeURIComponent(text).replace(/[!'()~]|%20/g, (found) => escapes[found]);

  const parse = (text) =>
    text
      .split('&')
      .filter((pair) => pair !== '')
      .map((pair) => {
        const at = pair.indexOf('=');
        return at < 0 ? [unescaped(pair), ''] : [unescaped(pair.slice(0, at)), unescaped(pair.slice(at + 1))];
      });

  const pairsOf = (init) => {
    if ((typeof init !== 'object' && typeof init !== 'function') || init === null) {
      const text = usv(init);
      return parse(text[0] === '?' ? text.slice(1) : text);
    }
    const iterate = init[Symbol.iterator];
    if (iterate === undefined || iterate === null) {
      const record = new Map();
      for (const key of Reflect.ownKeys(init)) {
        if (!Object.getOwnPropertyDescriptor(init, key)?.enumerable) continue;
        if (typeof key === 'symbol') throw new TypeError('A name is not a text');
        record.set(usv(key), usv(init[key]));
      }
      return [...record];
    }
    return Array.from(init, (pair) => {
      if (typeof pair !== 'object' || pair === null || typeof pair[Symbol.iterator] !== 'function') {
        throw new TypeError('Each pair must be iterable');
      }
      const both = [...pair];
      if (both.length !== 2) throw new TypeError('Each pair must have a name and a value');
      return both.map(usv);
    });
  };

  const needs = (args, count) => {
    if (args.length < count) throw new TypeError(`${count} arguments are needed, ${args.length} given`);
  };

  let attach;
  let refill;
  class URLSearchParams {
    #pairs = [];
    #changed = () => {};
    static {
      attach = (params, changed) => void (params.#changed = changed);
      refill = (params, query) => void (params.#pairs = parse(query));
    }
    constructor(init = '') {
      this.#pairs = pairsOf(init);
    }
    get size() {
      return this.#pairs.length;
    }
    append(name, value) {
      needs(arguments, 2);
      this.#pairs.push([usv(name), usv(value)]);
      this.#changed();
    }
    delete(name, value) {
      needs(arguments, 1);
      const [key, only] = [usv(name), value === undefined ? undefined : usv(value)];
      this.#pairs = this.#pairs.filter(([k, v]) => k !== key || (only !== undefined && v !== only));
      this.#changed();
    }
    get(name) {
      needs(arguments, 1);
      const key = usv(name);
      return this.#pairs.find(([k]) => k === key)?.[1] ?? null;
    }
    getAll(name) {
      needs(arguments, 1);
      const key = usv(name);
      return this.#pairs.filter(([k]) => k === key).map(([, value]) => value);
    }
    has(name, value) {
      needs(arguments, 1);
      const [key, only] = [usv(name), value === undefined ? undefined : usv(value)];
      return this.#pairs.some(([k, v]) => k === key && (only === undefined || v === only));
    }
    set(name, value) {
      needs(arguments, 2);
      const [key, text] = [usv(name), usv(value)];
      const first = this.#pairs.find(([k]) => k === key);
      if (first) first[1] = text;
      else this.#pairs.push([key, text]);
      this.#pairs = this.#pairs.filter((pair) => pair[0] !== key || pair === (first ?? pair));
      this.#changed();
    }
    sort() {
      this.#pairs.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
      this.#changed();
    }
    forEach(callback, self) {
      needs(arguments, 1);
      if (typeof callback !== 'function') throw new TypeError('The callback is not a function');
      for (const [name, value] of this.#each()) callback.call(self, value, name, this);
    }
    *#each() {
      for (let at = 0; at < this.#pairs.length; at++) yield [...this.#pairs[at]];
    }
    *#keys() {
      for (const [name] of this.#each()) yield name;
    }
    *#values() {
      for (const [, value] of this.#each()) yield value;
    }
    entries() {
      return this.#each();
    }
    keys() {
      return this.#keys();
    }
    values() {
      return this.#values();
    }
    toString() {
      return this.#pairs.map(([name, value]) => `${escaped(name)}=${escaped(value)}`).join('&');
    }
  }
  webClass(URLSearchParams);
  Object.defineProperty(URLSearchParams.prototype, Symbol.iterator, {
    value: URLSearchParams.prototype.entries,
    writable: true,
    configurable: true,
  });

  class URL {
    #record;
    #params;
    constructor(url, base = undefined) {
      needs(arguments, 1);
      const input = usv(url);
      this.#record = JSON.parse(web.ask('url', base === undefined ? [input] : [input, usv(base)]));
    }
    static parse(url, base = undefined) {
      try {
        return new URL(url, base);
      } catch {
        return null;
      }
    }
    static canParse(url, base = undefined) {
      needs(arguments, 1);
      return URL.parse(url, base) !== null;
    }
    static {
      for (const [at, name] of parts.entries()) {
        Object.defineProperty(URL.prototype, name, {
          get() {
            return this.#record[at];
          },
          ...(name !== 'origin' && {
            set(value) {
              this.#set(name, usv(value));
            },
          }),
          configurable: true,
          enumerable: true,
        });
      }
    }
    #set(name, value) {
      if (name === 'href') this.#record = JSON.parse(web.ask('url', [value]));
      else this.#record = JSON.parse(web.ask('urlset', [this.#record[0], name, value]));
      if (this.#params && (name === 'href' || name === 'search')) refill(this.#params, this.search.slice(1));
    }
    get searchParams() {
      if (!this.#params) {
        this.#params = new URLSearchParams(this.search);
        const params = this.#params;
        attach(params, () => {
          this.#record = JSON.parse(web.ask('urlset', [this.#record[0], 'search', params.toString()]));
        });
      }
      return this.#params;
    }
    toString() {
      return this.#record[0];
    }
    toJSON() {
      return this.#record[0];
    }
  }
  return { URL: webClass(URL), URLSearchParams };
}
