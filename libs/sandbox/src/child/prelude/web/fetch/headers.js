/** Headers: names lower case, values as bytes; `set-cookie` is never joined. */
export function headersOf(web) {
  const { webClass } = web.use('events');
  const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

  const nameOf = (name) => {
    const text = String(name);
    if (!token.test(text)) throw new TypeError(`'${text.slice(0, 100)}' is no name of a header`);
    return text.toLowerCase();
  };
  const valueOf = (value) => {
    const text = String(value).replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, '');
    if (/[\0\n\r]|[^\0-\xff]/.test(text))
      throw new TypeError('The value of the header has a character it may not have');
    return text;
  };

  let setGuard;
  let copyPairs;
  class Headers {
    #pairs = [];
    #immutable = false;
    static {
      setGuard = (headers) => void (headers.#immutable = true);
      copyPairs = (headers) => headers.#pairs.map((pair) => [...pair]);
    }
    constructor(init = undefined) {
      if (init === undefined) return;
      if (init === null || (typeof init !== 'object' && typeof init !== 'function')) {
        throw new TypeError('Headers are made of pairs or of an object');
      }
      if (typeof init[Symbol.iterator] === 'function') {
        for (const pair of init) {
          if (typeof pair !== 'object' || pair === null) throw new TypeError('Each header is a pair');
          const both = [...pair];
          if (both.length !== 2) throw new TypeError('Each header has a name and a value');
          this.append(both[0], both[1]);
        }
        return;
      }
      for (const key of Reflect.ownKeys(init)) {
        if (!Object.getOwnPropertyDescriptor(init, key)?.enumerable) continue;
        if (typeof key === 'symbol') throw new TypeError('A name is not a text');
        this.append(key, init[key]);
      }
    }
    #change() {
      if (this.#immutable) throw new TypeError('These headers cannot be changed');
    }
    append(name, value) {
      if (arguments.length < 2) throw new TypeError('A name and a value are needed');
      const pair = [nameOf(name), valueOf(value)];
      this.#change();
      this.#pairs.push(pair);
    }
    delete(name) {
      const key = nameOf(name);
      this.#change();
      this.#pairs = this.#pairs.filter(([one]) => one !== key);
    }
    get(name) {
      const key = nameOf(name);
      const values = this.#pairs.filter(([one]) => one === key).map(([, value]) => value);
      return values.length === 0 ? null : values.join(', ');
    }
    getSetCookie() {
      return this.#pairs.filter(([one]) => one === 'set-cookie').map(([, value]) => value);
    }
    has(name) {
      const key = nameOf(name);
      return this.#pairs.some(([one]) => one === key);
    }
    set(name, value) {
      if (arguments.length < 2) throw new TypeError('A name and a value are needed');
      const pair = [nameOf(name), valueOf(value)];
      this.#change();
      const at = this.#pairs.findIndex(([one]) => one === pair[0]);
      if (at < 0) this.#pairs.push(pair);
      else this.#pairs = this.#pairs.map((one, index) => (index === at ? pair : one));
      this.#pairs = this.#pairs.filter((one, index) => one[0] !== pair[0] || index === at || at < 0);
    }
    #sorted() {
      const names = [...new Set(this.#pairs.map(([name]) => name))].sort();
      return names.flatMap((name) =>
        name === 'set-cookie' ? this.getSetCookie().map((value) => [name, value]) : [[name, this.get(name)]],
      );
    }
    forEach(callback, self) {
      if (typeof callback !== 'function') throw new TypeError('The callback is not a function');
      for (const [name, value] of this.entries()) callback.call(self, value, name, this);
    }
    *entries() {
      // Read anew at each step, as the standard has it: headers may change on the way.
      for (let at = 0; at < this.#sorted().length; at++) yield this.#sorted()[at];
    }
    *keys() {
      for (const [name] of this.entries()) yield name;
    }
    *values() {
      for (const [, value] of this.entries()) yield value;
    }
  }
  webClass(Headers);
  Object.defineProperty(Headers.prototype, Symbol.iterator, {
    value: Headers.prototype.entries,
    writable: true,
    configurable: true,
  });
  return { Headers, setGuard, copyPairs };
}
