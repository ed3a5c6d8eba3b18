/*
 * The plugin's side of the bridge: runs handlers, builds `ctx`, and speaks to the host in texts, each with the number of
 * its run. Every value leaves as JSON text made here, under the run's own time limit. What an entry has to say waits
 * until the host collects it at the entry's end, for calling out of an isolate costs as much as entering it; log lines
 * and limits go at once, so that they are heard of an entry that was broken off as well.
 *
 * First letter of the text: s result, f error, m no memory left, w bytes of WebAssembly memory, v such
 * bytes let go, c host call, t timer set, u timer cleared; at once: l limit hit, g log line.
 */
(function bridge(p, hostTell, hostAsk) {
  'use strict';
  const { parse, stringify, freeze, create, hasOwn, apply, slice, push, shift, Error: RawError } = p;
  const argumentBytes = 262144;
  const lineBytes = 4096;
  const timerOperations = 10000;
  const runs = create(null);
  const handlers = create(null);
  let exports;
  /** The exports take texts: they are the host's own code around a WebAssembly module. */
  let takesTexts = false;
  let current;
  /** Was the run that is at work asked for after an `await` of runs that entered together? Then nobody knows it. */
  let ambiguous = false;
  let mixed = false;
  let lastLimits;
  let arrivedPart;

  /** A class, for V8 keeps an object literal without a prototype as a table, which is slow to make and to read. */
  class Run {
    ended = false;
    calls = 0;
    requests = 0;
    inFlight = 0;
    waiting = undefined;
    queue = undefined;
    timers = undefined;
    timerOps = 0;
    logLines = 0;
    logBytes = 0;
    logFull = false;
    hits = undefined;
    constructor(no, limits) {
      this.no = no;
      this.limits = limits;
    }
  }
  class Waiter {
    constructor(id, op, json, resolve, reject) {
      this.id = id;
      this.op = op;
      this.json = json;
      this.resolve = resolve;
      this.reject = reject;
    }
  }
  for (const made of [Run, Waiter]) freeze(Object.setPrototypeOf(made.prototype, null));

  let said = '';
  const post = (no, message) => {
    said += `${no} ${message.length}\n${message}`;
  };

  // Called with hardly any stack left the host's function throws an error of the host: none of it is for the plugin.
  const tell = (no, message) => {
    try {
      hostTell(no, message);
    } catch {
      throw new p.RangeError('Maximum call stack size exceeded');
    }
  };

  const ask = (question) => {
    try {
      return hostAsk(question);
    } catch {
      throw new p.RangeError('Maximum call stack size exceeded');
    }
  };

  /** Milliseconds since 1970; read once in an entry, at most. */
  let clock;
  const now = () => (clock ??= p.number(p.slice(ask('now'), 1)));

  const enter = (run) => {
    current = run;
    mixed = false;
    clock = undefined;
  };

  /** The run whose code asks. */
  const atWork = () => {
    if (mixed) ambiguous = true;
    return current;
  };

  const text = (value) => {
    try {
      return typeof value === 'string' ? value : p.String(value);
    } catch {
      return '[unprintable]';
    }
  };

  const refusal = (code, message, details) => {
    const error = new RawError(message);
    p.defineProperty(error, 'code', { __proto__: null, value: code, enumerable: true });
    if (details) p.defineProperty(error, 'details', { __proto__: null, value: details, enumerable: true });
    return error;
  };

  const overLimit = (run, limit, value, used) => {
    run.hits ??= create(null);
    if (!run.hits[limit]) {
      run.hits[limit] = true;
      tell(run.no, `l${value} ${used} ${limit}`);
    }
    return refusal('LIMIT_EXCEEDED', `The execution went over its limit ${limit} of ${value}`, {
      limit,
      value,
      used,
    });
  };

  const ownFrames = (stack) => {
    let kept = '';
    const lines = p.split(stack, '\n');
    for (let i = 0; i < lines.length && i < 12; i++) {
      if (!p.test(/mortise:|<isolated-vm|node:|file:/, lines[i])) kept += (kept && '\n') + lines[i];
    }
    return kept;
  };

  // A thrown value may be anything, with getters that throw: only texts leave.
  const errorText = (thrown) => {
    const error = { __proto__: null, code: 'EXECUTION_FAILED', message: '' };
    const isObject = (typeof thrown === 'object' && thrown !== null) || typeof thrown === 'function';
    try {
      const message = isObject ? thrown.message : thrown;
      error.message = slice(isObject && typeof message !== 'string' ? text(thrown) : text(message), 0, 2000);
    } catch {
      error.message = '[unprintable]';
    }
    if (!isObject) return stringify(error);
    try {
      const code = thrown.code;
      if (typeof code === 'string' && code !== '') error.code = slice(code, 0, 64);
    } catch {}
    try {
      const stack = thrown.stack;
      if (typeof stack === 'string') error.stack = ownFrames(slice(stack, 0, 4000));
      if (error.stack && error.stack.length > 2000) error.stack = slice(error.stack, 0, 2000);
    } catch {}
    try {
      const details = thrown.details;
      if (typeof details === 'object' && details !== null) {
        const json = stringify(details);
        if (json !== undefined && json.length <= 2000) error.details = parse(json);
      }
    } catch {}
    return stringify(error);
  };

  const end = (run) => {
    run.ended = true;
    run.waiting = run.queue = run.timers = undefined;
    delete runs[run.no];
  };

  /** The run has no memory left. */
  const exhaust = (run) => {
    if (run.ended) return;
    end(run);
    post(run.no, 'm');
  };

  const fail = (run, thrown) => {
    if (run.ended) return;
    const json = errorText(thrown);
    end(run);
    post(run.no, `f${json}`);
  };

  const succeed = (run, value) => {
    if (run.ended) return;
    let json;
    try {
      json = value === undefined ? 'null' : stringify(value);
    } catch (thrown) {
      let why = '';
      try {
        why = slice(text(thrown.message), 0, 500);
      } catch {}
      return fail(run, refusal('RESULT_INVALID', `The result cannot be written as JSON: ${why}`));
    }
    if (json === undefined) {
      return fail(
        run,
        refusal('RESULT_INVALID', `The result cannot be written as JSON: it is a ${typeof value}`),
      );
    }
    if (json.length > run.limits.outputBytes) {
      return fail(run, overLimit(run, 'outputBytes', run.limits.outputBytes, json.length));
    }
    end(run);
    post(run.no, `s${json}`);
  };

  const issue = (run, waiter) => {
    run.inFlight++;
    run.waiting[waiter.id] = waiter;
    post(run.no, `c${waiter.id} ${waiter.op}\n${waiter.json}`);
    waiter.json = '';
  };

  // Calls over the number in flight wait here for their turn; the number of all calls is what bounds them.
  const call = (run, op, args) =>
    new p.Promise((resolve, reject) => {
      if (run.ended)
        return reject(refusal('EXECUTION_ENDED', 'The execution has ended: ctx is no longer good'));
      const limits = run.limits;
      if (++run.calls > limits.hostCalls) {
        return reject(overLimit(run, 'hostCalls', limits.hostCalls, run.calls));
      }
      let json;
      try {
        json = stringify(args);
      } catch {
        return reject(refusal('INVALID_REQUEST', `The arguments of ${op} cannot be written as JSON`));
      }
      if (json.length > argumentBytes) {
        return reject(overLimit(run, 'argumentBytes', argumentBytes, json.length));
      }
      const waiter = new Waiter(run.calls, op, json, resolve, reject);
      run.waiting ??= create(null);
      if (run.inFlight < limits.hostCallsInFlight) issue(run, waiter);
      else push((run.queue ??= []), waiter);
    });

  const emit = (run, level, line, json) => tell(run.no, `g${level} ${line.length}\n${line}${json}`);

  const write = (run, level, message, fields) => {
    if (!run || run.ended || run.logFull) return;
    let line = '';
    if (typeof message === 'string') line = message;
    else {
      try {
        line = typeof message === 'object' ? (stringify(message) ?? '') : text(message);
      } catch {
        line = '[unprintable]';
      }
    }
    if (line.length > lineBytes) line = slice(line, 0, lineBytes - 3) + '...';
    let json = '';
    if (typeof fields === 'object' && fields !== null && !p.isArray(fields)) {
      try {
        json = stringify(fields) ?? '';
      } catch {
        json = '{"fields":"[unprintable]"}';
      }
      if (json.length > lineBytes) json = '{"fields":"[too large]"}';
    }
    const limits = run.limits;
    run.logLines++;
    run.logBytes += line.length + json.length;
    if (run.logLines > limits.logLines || run.logBytes > limits.logBytes) {
      run.logFull = true;
      const byLines = run.logLines > limits.logLines;
      const limit = byLines ? 'logLines' : 'logBytes';
      overLimit(run, limit, limits[limit], byLines ? run.logLines : run.logBytes);
      return emit(run, 2, `[log cut off here: limit ${limit} of ${limits[limit]}]`, '');
    }
    emit(run, level, line, json);
  };

  const logger = (run) => {
    const info = (message, fields) => write(run, 1, message, fields);
    info.debug = (message, fields) => write(run, 0, message, fields);
    info.info = info;
    info.warn = (message, fields) => write(run, 2, message, fields);
    info.error = (message, fields) => write(run, 3, message, fields);
    return freeze(info);
  };

  const contextOf = (run, base) =>
    freeze({
      ...base,
      log: logger(run),
      storage: freeze({
        get: (key) => call(run, 'storage.get', { key }),
        set: (key, value, options) => call(run, 'storage.set', { key, value, ttlMs: options?.ttlMs }),
        delete: (key) => call(run, 'storage.delete', { key }),
        list: (prefix, options) =>
          call(run, 'storage.list', { prefix, cursor: options?.cursor, limit: options?.limit }),
      }),
      cache: freeze({
        get: (key) => call(run, 'cache.get', { key }),
        set: (key, value, options) => call(run, 'cache.set', { key, value, ttlMs: options?.ttlMs }),
        delete: (key) => call(run, 'cache.delete', { key }),
      }),
      events: freeze({
        emit: (type, data, options) => call(run, 'events.emit', { type, data, subject: options?.subject }),
      }),
      secrets: freeze({ get: (key) => call(run, 'secrets.get', { key }) }),
      plugins: freeze({
        call: (plugin, name, input) => call(run, 'plugins.call', { plugin, function: name, input }),
      }),
      http: freeze({ fetch: (input, init) => fetchBy(hostOf(run), input, init) }),
      limits: () => run.limits,
    });

  /** What the web's part of a run may ask for. */
  const hostOf = (run) =>
    run && { __proto__: null, call: (op, args) => call(run, op, args), nextId: () => ++run.requests };
  let fetchBy;

  const callable = (owner, name) => {
    if ((typeof owner !== 'object' && typeof owner !== 'function') || owner === null) return undefined;
    if (!hasOwn(owner, name)) return undefined;
    const value = owner[name];
    return typeof value === 'function' ? { __proto__: null, fn: value, self: owner } : undefined;
  };

  /** `name`, `default.functions.name`, `default.name`; a CommonJS `module.exports` counts as a default as well. */
  const find = (name) => {
    const known = handlers[name];
    if (known) return known;
    let found = callable(exports, name);
    if (!found && hasOwn(exports, 'default')) {
      const main = exports.default;
      if (main) found = callable(main.functions, name) ?? callable(main, name);
    }
    if (!found && hasOwn(exports, 'functions')) found = callable(exports.functions, name);
    if (found) handlers[name] = found;
    return found;
  };

  const names = () => {
    const all = create(null);
    const collect = (owner) => {
      if ((typeof owner !== 'object' && typeof owner !== 'function') || owner === null) return;
      for (const key of p.keys(owner)) if (callable(owner, key)) all[key] = true;
    };
    collect(exports);
    if (hasOwn(exports, 'functions')) collect(exports.functions);
    if (hasOwn(exports, 'default') && exports.default) {
      collect(exports.default);
      collect(exports.default.functions);
    }
    return p.keys(all);
  };

  const drive = async (run, contextText, inputText, name) => {
    try {
      const handler = find(name);
      if (!handler) throw refusal('FUNCTION_NOT_FOUND', `The main file exports no function ${name}`);
      const value =
        handler.fn === undefined
          ? undefined
          : takesTexts
            ? handler.fn(run, inputText, contextText)
            : apply(handler.fn, handler.self, [parse(inputText), contextOf(run, parse(contextText))]);
      succeed(run, await value);
    } catch (thrown) {
      fail(run, thrown);
    }
  };

  /** Limits are sent only where they differ from those of the run before. */
  const limit = (limitsText) => {
    if (limitsText !== '') lastLimits = freeze(parse(limitsText));
  };

  const begin = (no, name, contextText, inputText) => {
    const run = new Run(no, lastLimits);
    runs[no] = run;
    enter(run);
    drive(run, contextText, inputText, name);
  };

  const tools = { __proto__: null, call, write, refusal, overLimit, exhaust, post };

  return {
    __proto__: null,
    post,
    ask,
    now,
    arrived() {
      const part = arrivedPart;
      arrivedPart = undefined;
      return part;
    },
    hostOf,
    fetchWith(fetch) {
      fetchBy = fetch;
    },
    current: atWork,
    write: (level, message, fields) => write(atWork(), level, message, fields),
    refusal,
    overLimit,
    timerOperations,
    entries: {
      __proto__: null,
      /** Takes a part of the runtime that was asked for. */
      accept(part) {
        arrivedPart = part;
      },
      adopt(namespace) {
        exports = namespace;
      },
      /** Takes the host's own code for WebAssembly, and a module's bytes. @returns why it is refused: code and message */
      wasm(around, bytes, memoryBytesMax) {
        try {
          if (!p.wasm) throw refusal('WASM_UNAVAILABLE', 'WebAssembly is switched off on this platform');
          exports = around(p, tools, bytes, memoryBytesMax);
          takesTexts = true;
          return '';
        } catch (thrown) {
          return `${thrown.code ?? 'MAIN_INVALID'} ${slice(text(thrown.message), 0, 2000)}`;
        }
      },
      /** Runs a CommonJS file's function around a fresh module object. */
      commonjs(wrapper) {
        const module = { exports: {} };
        const require = (name) => {
          throw refusal('IMPORT_REFUSED', `Imports are not available here: ${slice(text(name), 0, 200)}`);
        };
        apply(wrapper, module.exports, [module.exports, require, module]);
        const made = module.exports;
        exports = (typeof made === 'object' || typeof made === 'function') && made !== null ? made : {};
      },
      inspect(asked) {
        const missing = [];
        for (const name of parse(asked)) if (!find(name)) push(missing, name);
        return stringify({ exports: names(), missing });
      },
      run(no, name, contextText, inputText, limitsText) {
        limit(limitsText);
        begin(no, name, contextText, inputText);
      },
      /** Number, handler, context and input of each run, in turn. */
      together(limitsText, ...all) {
        limit(limitsText);
        for (let i = 0; i < all.length; i += 4) begin(all[i], all[i + 1], all[i + 2], all[i + 3]);
        current = undefined;
        mixed = true;
      },
      deliver(no, id, ok, json) {
        const run = runs[no];
        const waiter = run?.waiting?.[id];
        if (!waiter) return;
        enter(run);
        delete run.waiting[id];
        run.inFlight--;
        if (run.queue !== undefined && run.queue.length > 0) issue(run, shift(run.queue));
        if (ok) waiter.resolve(parse(json));
        else {
          const error = parse(json);
          waiter.reject(refusal(error.code, error.message, error.details));
        }
      },
      fire(no, id) {
        const run = runs[no];
        const timer = run?.timers?.[id];
        if (!timer) return;
        enter(run);
        if (!timer.repeats) delete run.timers[id];
        try {
          apply(timer.fn, undefined, timer.args);
        } catch (thrown) {
          fail(run, thrown);
        }
      },
      drop(no) {
        const run = runs[no];
        if (run) end(run);
      },
      /**
       * @returns what was said since this was asked last: number, length, line feed and text of each; undefined when
       * it cannot be told of which run something was
       */
      collect() {
        const all = ambiguous ? undefined : said;
        ambiguous = false;
        said = '';
        return all;
      },
    },
  };
});
