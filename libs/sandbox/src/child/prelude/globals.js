/* What every plugin touches of the web's globals: log, timers, the clock. The others are put in at their first use. */
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
    dir: (...parts) => print(1, parts),
    table: (...parts) => print(1, parts),
    group: (...parts) => print(1, parts),
    groupCollapsed: (...parts) => print(1, parts),
    groupEnd() {},
    time() {},
    timeEnd() {},
    timeLog() {},
    count() {},
    assert(condition, ...parts) {
      if (condition) return;
      print(3, ['Assertion failed']);
      if (parts.length > 0) print(3, parts);
    },
  });

  define('queueMicrotask', function queueMicrotask(task) {
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
  define('setTimeout', function setTimeout(fn, delay, ...args) {
    return start(fn, delay, args, false);
  });
  define('setInterval', function setInterval(fn, delay, ...args) {
    return start(fn, delay, args, true);
  });
  define('clearTimeout', function clearTimeout(id) {
    stop(id);
  });
  define('clearInterval', function clearInterval(id) {
    stop(id);
  });

  // The clock stands still while code runs: nothing in here can be timed by it.
  const RawDate = p.Date;
  const FrozenDate = function Date(...args) {
    if (new.target === undefined) return p.dateText(new RawDate(core.now()));
    return p.construct(
      RawDate,
      args.length === 0 ? [core.now()] : args,
      new.target === FrozenDate ? RawDate : new.target,
    );
  };
  const hidden = (owner, name, value, writable = true) =>
    p.defineProperty(owner, name, {
      __proto__: null,
      value,
      writable,
      configurable: writable,
      enumerable: false,
    });
  p.defineProperty(FrozenDate, 'length', { __proto__: null, value: 7, configurable: true });
  hidden(FrozenDate, 'prototype', RawDate.prototype, false);
  hidden(FrozenDate, 'now', function now() {
    return core.now();
  });
  hidden(FrozenDate, 'parse', RawDate.parse);
  hidden(FrozenDate, 'UTC', RawDate.UTC);
  hidden(RawDate.prototype, 'constructor', FrozenDate);
  define('Date', FrozenDate);
  const formats = p.Intl.DateTimeFormat.prototype;
  const { get: rawFormat } = p.getOwnPropertyDescriptor(formats, 'format');
  const { formatToParts: rawParts } = formats;
  p.defineProperty(formats, 'format', {
    __proto__: null,
    get() {
      const format = p.apply(rawFormat, this, []);
      return (date) => format(date === undefined ? core.now() : date);
    },
    configurable: true,
  });
  hidden(formats, 'formatToParts', function formatToParts(date) {
    return p.apply(rawParts, this, [date === undefined ? core.now() : date]);
  });

  // The rest of the web is put in when it is first touched, each part as one script of the host.
  const parts = p.create(null);
  const use = (name) => {
    const known = parts[name];
    if (known) return known;
    const answer = core.ask(`part ${name}`);
    const make = core.arrived();
    if (answer !== '+' || typeof make !== 'function') throw new p.Error('A part of the runtime did not load');
    return (parts[name] = make(web));
  };
  const web = p.freeze({
    __proto__: null,
    use,
    /** @throws what the host names when it refuses */
    ask(name, args, rest) {
      const line = args === undefined ? name : `${name} ${p.stringify(args)}`;
      const answer = core.ask(rest === undefined ? line : `${line}\n${rest}`);
      if (answer[0] === '+') return p.slice(answer, 1);
      const [error, message] = p.cut(p.slice(answer, 1), ' ');
      if (error === 'TypeError') throw new p.TypeError(message);
      if (error === 'RangeError') throw new p.RangeError(message);
      throw new (use('events').DOMException)(message, error);
    },
    now: core.now,
    report: (thrown) => print(3, [thrown]),
    setTimeout: (fn, delay) => start(fn, delay, [], false),
    /** What the run under way may ask of the host; undefined while the file loads. */
    host: () => core.hostOf(core.current()),
    stringTag: p.objectTag,
    detach: p.bufferTransfer,
  });
  core.fetchWith((host, input, init) => use('fetch').fetchBy(host, input, init));

  const lazy = (part, names) => {
    for (const name of names) {
      p.defineProperty(G, name, {
        __proto__: null,
        get() {
          const value = use(part)[name];
          define(name, value);
          return value;
        },
        set: (value) => define(name, value),
        configurable: true,
        enumerable: false,
      });
    }
  };
  lazy('clock', ['Performance', 'performance']);
  lazy('clone', ['structuredClone']);
  lazy('crypto', ['Crypto', 'CryptoKey', 'SubtleCrypto', 'crypto']);
  lazy('encoding', ['TextDecoder', 'TextEncoder', 'atob', 'btoa', 'escape', 'unescape']);
  lazy('events', [
    'AbortController',
    'AbortSignal',
    'CustomEvent',
    'DOMException',
    'ErrorEvent',
    'Event',
    'EventTarget',
  ]);
  lazy('fetch', ['Headers', 'Request', 'Response', 'fetch']);
  lazy('files', ['Blob', 'File', 'FormData']);
  lazy('streams', [
    ...[
      'ByteLengthQueuingStrategy',
      'CountQueuingStrategy',
      'ReadableByteStreamController',
      'ReadableStream',
    ],
    ...['ReadableStreamBYOBReader', 'ReadableStreamBYOBRequest', 'ReadableStreamDefaultController'],
    ...['ReadableStreamDefaultReader', 'TextDecoderStream', 'TextEncoderStream', 'TransformStream'],
    ...['TransformStreamDefaultController', 'WritableStream', 'WritableStreamDefaultController'],
    'WritableStreamDefaultWriter',
  ]);
  lazy('url', ['URL', 'URLSearchParams']);
});
