/** Blob, File and FormData, by https://w3c.github.io/FileAPI and https://xhr.spec.whatwg.org. */
export function make(web) {
  const { webClass } = web.use('events');
  const { bytesOf, decode, encode } = web.use('encoding');

  const joined = (parts) => {
    const all = parts.map((part) => {
      if (part instanceof Blob) return held(part);
      if (ArrayBuffer.isView(part) || part instanceof ArrayBuffer) return bytesOf(part);
      return encode(String(part).toWellFormed());
    });
    const bytes = new Uint8Array(all.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const one of all) {
      bytes.set(one, at);
      at += one.length;
    }
    return bytes;
  };

  let held;
  class Blob {
    #bytes;
    #type;
    static {
      held = (blob) => blob.#bytes;
    }
    constructor(parts = [], options = {}) {
      if (typeof parts !== 'object' || parts === null || typeof parts[Symbol.iterator] !== 'function') {
        throw new TypeError('The parts are not iterable');
      }
      this.#bytes = joined([...parts]);
      const type = String(options?.type ?? '');
      this.#type = /^[\x20-\x7e]*$/.test(type) ? type.toLowerCase() : '';
    }
    get size() {
      return this.#bytes.length;
    }
    get type() {
      return this.#type;
    }
    slice(start = 0, end = this.size, type = '') {
      return new Blob([this.#bytes.slice(start, end)], { type });
    }
    async text() {
      return decode(this.#bytes);
    }
    async arrayBuffer() {
      return this.#bytes.slice().buffer;
    }
    async bytes() {
      return this.#bytes.slice();
    }
    stream() {
      const bytes = this.#bytes;
      const { ReadableStream } = web.use('streams');
      let at = 0;
      return new ReadableStream({
        type: 'bytes',
        pull(controller) {
          if (at < bytes.length) controller.enqueue(bytes.slice(at, at + 65536));
          at += 65536;
          if (at >= bytes.length) controller.close();
        },
      });
    }
  }
  webClass(Blob);

  class File extends Blob {
    #name;
    #lastModified;
    constructor(parts, name, options = {}) {
      if (arguments.length < 2) throw new TypeError('A file needs its parts and a name');
      super(parts, options);
      this.#name = String(name).toWellFormed();
      this.#lastModified =
        options?.lastModified === undefined ? web.now() : Math.trunc(Number(options.lastModified));
    }
    get name() {
      return this.#name;
    }
    get lastModified() {
      return this.#lastModified;
    }
    get webkitRelativePath() {
      return '';
    }
  }
  webClass(File);

  const entry = (name, value, filename) => {
    const key = String(name).toWellFormed();
    if (!(value instanceof Blob)) {
      if (filename !== undefined) throw new TypeError('Only a Blob has a name');
      return [key, String(value).toWellFormed()];
    }
    if (value instanceof File && filename === undefined) return [key, value];
    const { type } = value;
    const lastModified = value instanceof File ? value.lastModified : undefined;
    return [key, new File([value], filename ?? 'blob', { type, lastModified })];
  };

  class FormData {
    #entries = [];
    constructor(form) {
      if (form !== undefined) throw new TypeError('There are no forms here');
    }
    append(name, value, filename) {
      if (arguments.length < 2) throw new TypeError('A name and a value are needed');
      this.#entries.push(entry(name, value, filename));
    }
    delete(name) {
      const key = String(name).toWellFormed();
      this.#entries = this.#entries.filter(([one]) => one !== key);
    }
    get(name) {
      const key = String(name).toWellFormed();
      return this.#entries.find(([one]) => one === key)?.[1] ?? null;
    }
    getAll(name) {
      const key = String(name).toWellFormed();
      return this.#entries.filter(([one]) => one === key).map(([, value]) => value);
    }
    has(name) {
      return this.get(name) !== null;
    }
    set(name, value, filename) {
      if (arguments.length < 2) throw new TypeError('A name and a value are needed');
      const made = entry(name, value, filename);
      const at = this.#entries.findIndex(([one]) => one === made[0]);
      if (at < 0) this.#entries.push(made);
      else {
        this.#entries[at] = made;
        this.#entries = this.#entries.filter(([one], index) => one !== made[0] || index <= at);
      }
    }
    forEach(callback, self) {
      for (const [name, value] of this.entries()) callback.call(self, value, name, this);
    }
    *entries() {
      for (let at = 0; at < this.#entries.length; at++) yield [...this.#entries[at]];
    }
    *keys() {
      for (const [name] of this.entries()) yield name;
    }
    *values() {
      for (const [, value] of this.entries()) yield value;
    }
  }
  webClass(FormData);
  Object.defineProperty(FormData.prototype, Symbol.iterator, {
    value: FormData.prototype.entries,
    writable: true,
    configurable: true,
  });

  return { Blob, File, FormData, held };
}
