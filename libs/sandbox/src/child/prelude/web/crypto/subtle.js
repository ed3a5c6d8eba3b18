import { algorithms } from './algorithms.js';

/** `crypto.subtle`: the checks that all ways of working share; what each does is in its row of `algorithms`. */
export function subtleOf(web) {
  const { DOMException, webClass } = web.use('events');
  const tools = web.use('encoding');
  const { bytesOf } = tools;
  const secret = {};
  const refuse = (name, message) => new DOMException(message, name);
  const table = algorithms(web, tools, refuse);

  let material;
  class CryptoKey {
    #made;
    static {
      material = (key) => {
        if (typeof key !== 'object' || key === null || !(#made in key))
          throw new TypeError('This is no CryptoKey');
        return key.#made.material;
      };
    }
    constructor(given, made) {
      if (given !== secret) throw new TypeError('Illegal constructor');
      this.#made = made;
    }
    get type() {
      return this.#made.type;
    }
    get extractable() {
      return this.#made.extractable;
    }
    get algorithm() {
      return this.#made.algorithm;
    }
    get usages() {
      return this.#made.usages;
    }
  }
  webClass(CryptoKey);

  const named = (given) => {
    const bag = typeof given === 'string' ? { name: given } : given;
    if (typeof bag !== 'object' || bag === null || bag.name === undefined) {
      throw new TypeError('The algorithm has no name');
    }
    const wanted = String(bag.name).toLowerCase();
    const name = Object.keys(table).find((known) => known.toLowerCase() === wanted);
    if (!name) throw refuse('NotSupportedError', `${String(bag.name)} is not known here`);
    return [table[name], { ...bag, name }];
  };
  const doing = (given, act) => {
    const [row, bag] = named(given);
    if (!row[act]) throw refuse('NotSupportedError', `${bag.name} cannot ${act}`);
    return [row, bag];
  };
  const usable = (key, bag, usage) => {
    material(key);
    if (key.algorithm.name !== bag.name)
      throw refuse('InvalidAccessError', 'The key is for another algorithm');
    if (!key.usages.includes(usage)) throw refuse('InvalidAccessError', `The key may not ${usage}`);
    return { ...key.algorithm, type: key.type, material: material(key) };
  };
  const buffer = (bytes) => bytes.buffer;

  const keyOf = ({ type, algorithm, material: held }, extractable, wanted, allowed) => {
    const usages = [...new Set(wanted)];
    const fit = type === 'public' ? allowed.public : type === 'private' ? allowed.private : allowed.secret;
    if (!usages.every((usage) => fit.includes(usage)))
      throw new DOMException('The key cannot do that', 'SyntaxError');
    if (type !== 'public' && usages.length === 0)
      throw new DOMException('The key may do nothing', 'SyntaxError');
    return new CryptoKey(secret, {
      ...{ type, extractable: type === 'public' || Boolean(extractable), usages: Object.freeze(usages) },
      ...{ algorithm: Object.freeze(algorithm), material: held },
    });
  };

  const exported = (format, key) => {
    const held = material(key);
    if (!key.extractable) throw refuse('InvalidAccessError', 'The key is not extractable');
    const [row] = named(key.algorithm.name);
    const made = row.exportKey(String(format), { ...key.algorithm, type: key.type, material: held });
    if (format !== 'jwk') return buffer(made);
    return { ...made, key_ops: [...key.usages], ext: key.extractable };
  };

  const imported = (format, data, given, extractable, usages) => {
    const [row, bag] = doing(given, 'importKey');
    if (format === 'jwk' && data?.ext === false && extractable) {
      throw refuse('DataError', 'The key says that it is not extractable');
    }
    const raw = format === 'jwk' ? data : bytesOf(data).slice();
    return keyOf(row.importKey(String(format), raw, bag), extractable, usages, row.usages);
  };

  const copy = (data) => bytesOf(data).slice();
  const deriveBytes = (given, key, bits, usage) => {
    const [row, bag] = doing(given, 'deriveBits');
    const base = usable(key, bag, usage);
    const peer = bag.public === undefined ? undefined : material(bag.public);
    return row.deriveBits({ ...bag, peer }, base, bits);
  };

  // All of it is worked out at once; methods of the standard answer with promises all the same.
  class SubtleCrypto {
    constructor(given) {
      if (given !== secret) throw new TypeError('Illegal constructor');
    }
    async digest(given, data) {
      const [row, bag] = doing(given, 'digest');
      return buffer(row.digest(bag, copy(data)));
    }
    async generateKey(given, extractable, usages) {
      const [row, bag] = doing(given, 'generateKey');
      const made = row.generateKey(bag);
      if (!made.publicKey) return keyOf(made, extractable, usages, row.usages);
      const of = (half, fit) =>
        keyOf(
          half,
          extractable,
          [...usages].filter((usage) => fit.includes(usage)),
          row.usages,
        );
      return {
        privateKey: of(made.privateKey, row.usages.private),
        publicKey: of(made.publicKey, row.usages.public),
      };
    }
    async importKey(format, data, given, extractable, usages) {
      return imported(format, data, given, extractable, usages);
    }
    async exportKey(format, key) {
      return exported(format, key);
    }
    async encrypt(given, key, data) {
      const [row, bag] = doing(given, 'encrypt');
      return buffer(row.encrypt(bag, usable(key, bag, 'encrypt'), copy(data)));
    }
    async decrypt(given, key, data) {
      const [row, bag] = doing(given, 'decrypt');
      return buffer(row.decrypt(bag, usable(key, bag, 'decrypt'), copy(data)));
    }
    async sign(given, key, data) {
      const [row, bag] = doing(given, 'sign');
      return buffer(row.sign(bag, usable(key, bag, 'sign'), copy(data)));
    }
    async verify(given, key, signature, data) {
      const [row, bag] = doing(given, 'verify');
      return row.verify(bag, usable(key, bag, 'verify'), copy(signature), copy(data));
    }
    async deriveBits(given, key, bits) {
      return buffer(deriveBytes(given, key, bits, 'deriveBits'));
    }
    async deriveKey(given, key, wanted, extractable, usages) {
      const [row, bag] = doing(wanted, 'importKey');
      const bits = row.bitsFor?.(bag);
      const bytes = deriveBytes(given, key, bits, 'deriveKey');
      return keyOf(row.importKey('raw', bytes, bag), extractable, usages, row.usages);
    }
    async wrapKey(format, key, wrapping, given) {
      const [row, bag] = named(given);
      const plain = exported(format, key);
      const bytes = format === 'jwk' ? tools.encode(JSON.stringify(plain)) : new Uint8Array(plain);
      const act = row.wrap ?? row.encrypt;
      if (!act) throw refuse('NotSupportedError', `${bag.name} cannot wrap`);
      return buffer(act(bag, usable(wrapping, bag, 'wrapKey'), bytes));
    }
    async unwrapKey(format, wrapped, unwrapping, given, keyAlgorithm, extractable, usages) {
      const [row, bag] = named(given);
      const act = row.unwrap ?? row.decrypt;
      if (!act) throw refuse('NotSupportedError', `${bag.name} cannot unwrap`);
      const bytes = act(bag, usable(unwrapping, bag, 'unwrapKey'), copy(wrapped));
      const data = format === 'jwk' ? JSON.parse(tools.decode(bytes)) : bytes;
      return imported(format, data, keyAlgorithm, extractable, usages);
    }
  }
  webClass(SubtleCrypto);
  return { CryptoKey, SubtleCrypto, subtle: new SubtleCrypto(secret) };
}
