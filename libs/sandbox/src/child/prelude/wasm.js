/*
 * Stands between a WebAssembly module and the bridge: gives it the imports of the Extism PDKs and makes of its exports
 * functions that the bridge can run. Loaded only into contexts whose plugin is WebAssembly, so no JavaScript but the
 * host's own runs beside it.
 *
 * A module cannot wait: its calls are synchronous. A run that asks the host for something is therefore broken off, and
 * done again from its start in a fresh instance once the answer is there; all answers so far are given to it from a
 * tape. Nothing that a module can see differs between the two, so it comes to the same place.
 */
(function wasm(p, core, blocks, text, bytes, memoryBytesMax) {
  'use strict';
  const { Module, Instance, RuntimeError, importsOf, exportsOf } = p.wasm;
  const { parse, stringify, freeze, create } = p;
  const { call, write, refusal, overLimit, exhaust, post } = core;
  const levels = { __proto__: null, trace: 0, debug: 0, info: 1, warn: 2, error: 3 };
  const debugLevel = 1;
  const variablesAtMost = 1000;
  const variableBytesAtMost = 1048576;

  const module = new Module(bytes);
  const memoryName = exportsOf(module).find(({ kind }) => kind === 'memory')?.name;
  const nobody = { __proto__: null, run: undefined, contextText: '{}', tape: [] };
  /** Whose turn it is: modules run to their end, so there is only one. */
  let turn = nobody;
  let kept;
  let toldBytes = 0;

  class Suspended {}
  const suspended = new Suspended();

  const contextOf = (of) => (of.context ??= parse(of.contextText));
  const textAt = (at) => text.decode(blocks.bytes(at));
  const store = (string) => blocks.store(text.encode(string));

  /** What the host said to this question of the module, or the end of this attempt. */
  const ask = (kind, question) => {
    if (turn.wanted !== undefined) throw suspended;
    if (turn.run === undefined) {
      throw refusal('HOST_CALL_REFUSED', 'The host cannot be asked while the module is instantiated');
    }
    const key = `${kind} ${stringify(question)}`;
    const known = turn.tape[turn.at];
    if (known === undefined) {
      turn.wanted = { __proto__: null, kind, question, key };
      throw suspended;
    }
    if (known.key !== key) {
      throw refusal('REPLAY_DIVERGED', 'The module asks for something else than the first time');
    }
    turn.at++;
    if (known.error) throw refusal(known.error.code, known.error.message, known.error.details);
    return known.value;
  };

  const log = (level) => (at) => {
    if (turn.wanted !== undefined) throw suspended;
    // A run done again has logged these lines before.
    if (turn.run !== undefined && ++turn.lines > turn.logged) {
      turn.logged = turn.lines;
      write(turn.run, levels[level], textAt(at));
    }
  };

  const env = {
    __proto__: null,
    input_offset: () => BigInt(turn.input),
    input_length: () => BigInt(turn.inputBytes),
    input_load_u8: (at) => blocks.load8(turn.input, turn.inputBytes, at),
    input_load_u64: (at) => blocks.load64(turn.input, turn.inputBytes, at),
    alloc: (length) => BigInt(blocks.alloc(Number(length))),
    free: (at) => blocks.free(Number(at)),
    length: (at) => BigInt(blocks.lengthOf(Number(at))),
    length_unsafe: (at) => BigInt(blocks.lengthOf(Number(at))),
    load_u8: (at) => blocks.load8(0, blocks.end(), at),
    load_u64: (at) => blocks.load64(0, blocks.end(), at),
    store_u8: (at, value) => blocks.store8(Number(at), value),
    store_u64: (at, value) => blocks.store64(Number(at), value),
    output_set: (at, length) => {
      blocks.check(Number(at), Number(length));
      turn.output = Number(at);
      turn.outputBytes = Number(length);
    },
    error_set: (at) => {
      turn.error = Number(at) === 0 ? undefined : textAt(at);
    },
    config_get: (at) => {
      const { config } = contextOf(turn);
      const key = textAt(at);
      if (typeof config !== 'object' || config === null || !p.hasOwn(config, key)) return 0n;
      return BigInt(store(typeof config[key] === 'string' ? config[key] : stringify(config[key])));
    },
    var_get: (at) => {
      const value = turn.variables?.get(textAt(at));
      return value === undefined ? 0n : BigInt(blocks.store(value));
    },
    var_set: (at, valueAt) => {
      const key = textAt(at);
      turn.variables ??= new Map();
      const { variables } = turn;
      const before = variables.get(key);
      if (before) turn.variableBytes -= key.length + before.length;
      variables.delete(key);
      if (Number(valueAt) === 0) return;
      const value = blocks.bytes(valueAt).slice();
      turn.variableBytes += key.length + value.length;
      if (variables.size >= variablesAtMost || turn.variableBytes > variableBytesAtMost) {
        throw blocks.overLimit('variableBytes', variableBytesAtMost, turn.variableBytes);
      }
      variables.set(key, value);
    },
    http_request: (at, bodyAt) => {
      // What a PDK leaves out it may write as null.
      const { url, method, headers } = parse(textAt(at));
      const body = Number(bodyAt) === 0 ? undefined : text.body(blocks.bytes(bodyAt));
      const answer = ask('http', {
        url,
        method: (method ?? 'GET').toUpperCase(),
        headers: Object.entries(headers ?? {}),
        body,
      });
      turn.status = answer.status;
      turn.headers = answer.headers;
      return BigInt(blocks.store(answer.body));
    },
    http_status_code: () => turn.status ?? 0,
    http_headers: () => (turn.headers === undefined ? 0n : BigInt(store(stringify(turn.headers)))),
    log_trace: log('trace'),
    log_debug: log('debug'),
    log_info: log('info'),
    log_warn: log('warn'),
    log_error: log('error'),
    get_log_level: () => debugLevel,
  };
  const user = {
    __proto__: null,
    mortise_context: () => BigInt(store(turn.contextText)),
    mortise_call: (opAt, argumentsAt) => {
      const op = textAt(opAt);
      const json = Number(argumentsAt) === 0 ? '{}' : textAt(argumentsAt);
      return BigInt(store(ask('call', { op, arguments: parse(json) })));
    },
  };
  const old = { __proto__: null };
  for (const name of p.keys(env)) old[name] = old[`extism_${name}`] = env[name];
  const imports = { __proto__: null, 'extism:host/env': env, 'extism:host/user': user, env: old };

  const waits = /^(extism_)?(http_request|mortise_call)$/;
  let needsFresh = false;
  for (const { module: from, name, kind } of importsOf(module)) {
    if (kind !== 'function' || !p.hasOwn(imports, from) || !p.hasOwn(imports[from], name)) {
      throw refusal('IMPORT_REFUSED', `The module imports ${from} ${name}, which does not exist here`);
    }
    if (p.test(waits, name)) needsFresh = true;
  }

  const answers = {
    __proto__: null,
    async call(run, { op, arguments: given }) {
      try {
        return stringify({ ok: true, value: await call(run, op, given) });
      } catch (refused) {
        const { code, message, details } = refused;
        // No module may go on asking for ever.
        if (code === 'LIMIT_EXCEEDED') throw refused;
        return stringify({ ok: false, error: { code, message, details } });
      }
    },
    async http(run, { body, ...request }) {
      const id = (run.httpRequests = (run.httpRequests ?? 0) + 1);
      const answer = await call(run, 'http.request', { ...request, id, ...(body && { body }) });
      const pieces = [];
      let chunk = answer.body;
      while (chunk) {
        pieces.push(text.piece(chunk));
        chunk = chunk.done ? undefined : await call(run, 'http.read', { id });
      }
      const headers = create(null);
      for (const [name, value] of answer.headers) {
        headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
      }
      return { status: answer.status, headers, body: text.joined(pieces) };
    },
  };

  /** A memory that is not exported may have come to its maximum. */
  const memoryBytes = (instance) =>
    memoryName === undefined ? memoryBytesMax : instance.exports[memoryName].buffer.byteLength;

  /** A module that ends in a trap with its memory all taken could not have more of it. */
  const isFull = (instance) =>
    memoryName !== undefined && memoryBytes(instance) > memoryBytesMax - memoryBytesMax / 16;

  const trapOf = (thrown) => {
    let trap;
    if (thrown instanceof RuntimeError) trap = thrown.message;
    else if (p.test(/^Maximum call stack/, thrown?.message)) trap = 'stack overflow';
    else if (thrown instanceof p.wasm.Exception) trap = 'uncaught exception';
    else return thrown;
    const error = refusal('WASM_TRAP', `The module trapped: ${trap}`, { trap });
    p.defineProperty(error, 'stack', { __proto__: null, value: thrown.stack });
    return error;
  };

  const instantiate = () => {
    const instance = new Instance(module, imports);
    const { _initialize: initialize, __wasm_call_ctors: construct } = instance.exports;
    if (initialize) initialize();
    else if (construct) construct();
    return instance;
  };

  const tellMemory = (run, instance) => {
    const bytes = memoryBytes(instance);
    if (bytes === toldBytes) return;
    toldBytes = bytes;
    post(run.no, `w${bytes}`);
  };

  const letGo = (run, instance) => {
    tellMemory(run, instance);
    post(run.no, `v${memoryBytes(instance)}`);
  };

  const result = (of) => {
    if (of.error !== undefined) throw refusal('EXECUTION_FAILED', of.error);
    const { outputBytes } = of.run.limits;
    if (of.outputBytes > outputBytes) throw overLimit(of.run, 'outputBytes', outputBytes, of.outputBytes);
    if (of.outputBytes === 0) return null;
    try {
      return parse(text.decode(blocks.part(of.output, of.outputBytes), true));
    } catch (thrown) {
      throw refusal('RESULT_INVALID', `The output is not JSON text in UTF-8: ${thrown.message}`);
    }
  };

  /** One attempt from the start. */
  const once = (of, name) => {
    let instance = kept;
    kept = undefined;
    turn = of;
    try {
      const input = text.encode(of.inputText);
      blocks.reset();
      of.input = blocks.store(input);
      of.inputBytes = input.length;
      of.at = of.lines = of.output = of.outputBytes = of.variableBytes = 0;
      of.error = of.variables = of.status = of.headers = undefined;
      instance ??= instantiate();
      const code = instance.exports[name]();
      if (of.wanted !== undefined) return undefined;
      tellMemory(of.run, instance);
      // It came back by itself, so what it holds is whole, whatever it says of the run.
      if (!needsFresh) kept = instance;
      if (of.error === undefined && code) of.error = `The function returned ${code}`;
      return result(of);
    } catch (thrown) {
      if (of.wanted !== undefined) return undefined;
      const trap = trapOf(thrown);
      if (trap === thrown ? p.test(/Out of memory/, thrown?.message) : instance && isFull(instance)) {
        if (instance !== undefined) letGo(of.run, instance);
        instance = undefined;
        exhaust(of.run);
      }
      throw trap;
    } finally {
      turn = nobody;
      blocks.reset();
      if (instance !== undefined && kept === undefined) letGo(of.run, instance);
    }
  };

  const goOn = async (of, name) => {
    for (;;) {
      const { kind, question, key } = of.wanted;
      let entry;
      try {
        entry = { __proto__: null, key, value: await answers[kind](of.run, question) };
      } catch ({ code, message, details }) {
        entry = { __proto__: null, key, error: { code, message, details } };
      }
      if (of.run.ended) return undefined;
      of.tape.push(entry);
      of.wanted = undefined;
      const value = once(of, name);
      if (of.wanted === undefined) return value;
    }
  };

  // As a file of JavaScript runs its top level when it is loaded, a module is instantiated.
  try {
    kept = instantiate();
  } catch (thrown) {
    const { code, message } = trapOf(thrown);
    throw refusal(code ?? 'MAIN_INVALID', `Instantiating the module failed: ${message}`);
  }
  const functions = create(null);
  for (const { name, kind } of exportsOf(module)) {
    if (kind !== 'function' || kept.exports[name].length > 0) continue;
    functions[name] = (run, inputText, contextText) => {
      const of = { __proto__: null, run, inputText, contextText, tape: [], logged: 0, wanted: undefined };
      const value = once(of, name);
      return of.wanted === undefined ? value : goOn(of, name);
    };
  }
  return freeze(functions);
});
