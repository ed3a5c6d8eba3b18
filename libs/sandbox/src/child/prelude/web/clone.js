/** `structuredClone`, by https://html.spec.whatwg.org/multipage/structured-data.html. */
export function make(web) {
  const { DOMException, isOfTheWeb } = web.use('events');
  const refuse = (what) => new DOMException(`${what} cannot be cloned`, 'DataCloneError');
  const errorTypes = { EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };
  const get = (prototype, name) => Object.getOwnPropertyDescriptor(prototype, name).get;
  // What a value is does not depend on its prototype: each of these throws on all but its own kind.
  const brand = (probe) => (value) => {
    try {
      probe(value);
      return true;
    } catch {
      return false;
    }
  };
  const probes = {
    isDate: brand((value) => Date.prototype.getTime.call(value)),
    isMap: brand((value) => get(Map.prototype, 'size').call(value)),
    isSet: brand((value) => get(Set.prototype, 'size').call(value)),
    isBuffer: brand((value) => get(ArrayBuffer.prototype, 'byteLength').call(value)),
    isRegExp: brand((value) => get(RegExp.prototype, 'source').call(value)),
    isWeakMap: brand((value) => WeakMap.prototype.has.call(value, {})),
    isWeakSet: brand((value) => WeakSet.prototype.has.call(value, {})),
  };
  const boxed = [Number, String, Boolean, BigInt].map((type) => [
    type,
    brand((value) => type.prototype.valueOf.call(value)),
  ]);
  const isBoxedSymbol = brand((value) => Symbol.prototype.valueOf.call(value));
  const typedName = get(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag);

  const copyOf = (value, keep, seen) => {
    if (probes.isDate(value)) return keep(new Date(Date.prototype.getTime.call(value)));
    if (probes.isRegExp(value) && value !== RegExp.prototype) {
      return keep(
        new RegExp(get(RegExp.prototype, 'source').call(value), get(RegExp.prototype, 'flags').call(value)),
      );
    }
    if (probes.isBuffer(value)) return keep(value.slice(0));
    if (ArrayBuffer.isView(value)) {
      const buffer = copy(value.buffer, seen);
      const name = typedName.call(value);
      if (name === undefined) return keep(new DataView(buffer, value.byteOffset, value.byteLength));
      return keep(new globalThis[name](buffer, value.byteOffset, value.length));
    }
    if (probes.isMap(value)) {
      const made = keep(new Map());
      for (const [key, item] of [...value]) made.set(copy(key, seen), copy(item, seen));
      return made;
    }
    if (probes.isSet(value)) {
      const made = keep(new Set());
      for (const item of [...value]) made.add(copy(item, seen));
      return made;
    }
    return undefined;
  };

  const copyError = (error, keep, seen) => {
    const name = String(error.name);
    const type = Object.hasOwn(errorTypes, name) ? errorTypes[name] : Error;
    const message = Object.getOwnPropertyDescriptor(error, 'message');
    const made = keep(message && 'value' in message ? new type(String(message.value)) : new type());
    if (typeof error.stack === 'string') hidden(made, 'stack', error.stack);
    if (Object.hasOwn(error, 'cause')) hidden(made, 'cause', copy(error.cause, seen));
    return made;
  };
  const hidden = (owner, name, value) =>
    Object.defineProperty(owner, name, { value, writable: true, configurable: true, enumerable: false });

  const copy = (value, seen) => {
    if (typeof value === 'symbol') throw refuse('A symbol');
    if (typeof value === 'function') throw refuse('A function');
    if (typeof value !== 'object' || value === null) return value;
    if (seen.has(value)) return seen.get(value);
    const keep = (made) => {
      seen.set(value, made);
      return made;
    };
    const known = copyOf(value, keep, seen);
    if (known !== undefined) return known;
    for (const [type, isIt] of boxed)
      if (isIt(value)) return keep(Object(type.prototype.valueOf.call(value)));
    if (isBoxedSymbol(value)) throw refuse('A symbol');
    if (Error.isError?.(value) ?? web.stringTag(value) === '[object Error]') {
      if (value instanceof DOMException) return keep(new DOMException(value.message, value.name));
      return copyError(value, keep, seen);
    }
    if (probes.isWeakMap(value) || probes.isWeakSet(value) || value instanceof Promise) {
      throw refuse(web.stringTag(value));
    }
    if (isOfTheWeb(value)) throw refuse(web.stringTag(value));
    const made = keep(Array.isArray(value) ? new Array(value.length) : {});
    for (const key of Object.keys(value)) {
      if (!Object.hasOwn(value, key)) continue;
      Object.defineProperty(made, key, {
        value: copy(value[key], seen),
        writable: true,
        enumerable: true,
        configurable: true,
      });
    }
    return made;
  };

  return {
    structuredClone: function structuredClone(value, options = {}) {
      if (arguments.length === 0) throw new TypeError('structuredClone needs a value');
      const transfer = [...(options?.transfer ?? [])];
      if (new Set(transfer).size < transfer.length) throw refuse('What is transferred twice');
      for (const one of transfer) {
        if (!probes.isBuffer(one) || one.detached) throw refuse('What is transferred but no buffer');
      }
      const seen = new Map();
      // Copied first: a value that cannot be cloned leaves every buffer where it was.
      const made = copy(value, seen);
      if (transfer.length === 0) return made;
      for (const one of transfer) web.detach(one);
      return made;
    },
  };
}
