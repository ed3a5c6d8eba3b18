/*
 * First code in every context, before any of the plugin's. Takes away what defeats the isolate's limits, pins what the
 * engine looks up by itself, and returns the built-ins as they were: everything after uses only these, since a plugin
 * may replace every one it can reach.
 */
(function harden() {
  'use strict';
  const G = globalThis;
  const { defineProperty, freeze, getPrototypeOf, create, keys, getOwnPropertyDescriptor } = Object;
  const { apply, construct, ownKeys } = Reflect;
  const bind =
    (method) =>
    (self, ...args) =>
      apply(method, self, args);

  // For the host's own code around WebAssembly plugins; gone from the global like the rest.
  const { Module, Instance, RuntimeError, Exception } = G.WebAssembly ?? {};
  const wasm = Module && {
    __proto__: null,
    Module,
    Instance,
    RuntimeError,
    Exception,
    importsOf: Module.imports,
    exportsOf: Module.exports,
  };

  // Threads, shared memory, memory outside the heap's limit, code that runs by itself later.
  for (const name of [
    'SharedArrayBuffer',
    'Atomics',
    'WebAssembly',
    'WeakRef',
    'FinalizationRegistry',
    'escape',
    'unescape',
  ]) {
    delete G[name];
  }

  // A resizable buffer grows outside the memory limit.
  const RawBuffer = ArrayBuffer;
  const { transferToFixedLength } = RawBuffer.prototype;
  const { indexOf, slice } = String.prototype;
  function Buffers(length) {
    if (new.target === undefined) throw new TypeError("Constructor ArrayBuffer requires 'new'");
    return construct(RawBuffer, [length], new.target === Buffers ? RawBuffer : new.target);
  }
  defineProperty(Buffers, 'name', { value: 'ArrayBuffer' });
  defineProperty(Buffers, 'prototype', { value: RawBuffer.prototype, writable: false });
  defineProperty(Buffers, 'isView', { value: RawBuffer.isView, writable: true, configurable: true });
  defineProperty(Buffers, Symbol.species, {
    get() {
      return this;
    },
    configurable: true,
  });
  defineProperty(RawBuffer.prototype, 'constructor', { value: Buffers, writable: true, configurable: true });
  for (const name of ['resize', 'transfer', 'transferToFixedLength']) delete RawBuffer.prototype[name];
  defineProperty(G, 'ArrayBuffer', { value: Buffers, writable: true, configurable: true });

  // The engine reads these whenever an error is made or shown. An accessor lets libraries assign without effect.
  defineProperty(Error, 'prepareStackTrace', { get: () => undefined, set() {}, configurable: false });
  Error.stackTraceLimit = 10;
  defineProperty(Error, 'stackTraceLimit', { value: 10, writable: false, configurable: false });

  const primordials = {
    __proto__: null,
    wasm,
    apply,
    create,
    defineProperty,
    freeze,
    getPrototypeOf,
    getOwnPropertyDescriptor,
    keys,
    ownKeys,
    construct,
    hasOwn: Object.hasOwn,
    parse: JSON.parse,
    stringify: JSON.stringify,
    isArray: Array.isArray,
    Array,
    Buffers,
    Date,
    DataView,
    Error,
    Map,
    Promise,
    RangeError,
    RegExp,
    Set,
    String,
    Symbol,
    TypeError,
    Uint8Array,
    fromCharCode: String.fromCharCode,
    charCodeAt: bind(String.prototype.charCodeAt),
    slice: bind(String.prototype.slice),
    replace: bind(String.prototype.replace),
    startsWith: bind(String.prototype.startsWith),
    split: bind(String.prototype.split),
    join: bind(Array.prototype.join),
    test: bind(RegExp.prototype.test),
    push: bind(Array.prototype.push),
    shift: bind(Array.prototype.shift),
    then: bind(Promise.prototype.then),
    resolved: Promise.resolve(),
    mapGet: bind(Map.prototype.get),
    mapHas: bind(Map.prototype.has),
    mapSet: bind(Map.prototype.set),
    mapEach: bind(Map.prototype.forEach),
    setAdd: bind(Set.prototype.add),
    setEach: bind(Set.prototype.forEach),
    dateText: bind(Date.prototype.toString),
    Intl,
    objectTag: bind(Object.prototype.toString),
    /** Empties a buffer into a new one of the same length. */
    bufferTransfer: bind(transferToFixedLength),
    /** What is before the first of a separator, and what is after it. */
    cut(text, separator) {
      const at = apply(indexOf, text, [separator]);
      return at < 0 ? [text, ''] : [apply(slice, text, [0, at]), apply(slice, text, [at + 1])];
    },
    number: Number,
    isFinite: Number.isFinite,
    floor: Math.floor,
  };

  for (const pinned of [
    Promise,
    Promise.prototype,
    JSON,
    Reflect,
    Error,
    RegExp.prototype,
    getPrototypeOf(async () => {}),
    getPrototypeOf(async function* () {}),
  ]) {
    freeze(pinned);
  }
  return freeze(primordials);
});
