/** Events, abort signals and DOMException, by https://dom.spec.whatwg.org and https://webidl.spec.whatwg.org. */
const codes = [
  ...['IndexSizeError', '', 'HierarchyRequestError', 'WrongDocumentError', 'InvalidCharacterError', ''],
  ...['NoModificationAllowedError', 'NotFoundError', 'NotSupportedError', 'InUseAttributeError'],
  ...['InvalidStateError', 'SyntaxError', 'InvalidModificationError', 'NamespaceError', 'InvalidAccessError'],
  ...['', 'TypeMismatchError', 'SecurityError', 'NetworkError', 'AbortError', 'URLMismatchError'],
  ...['QuotaExceededError', 'TimeoutError', 'InvalidNodeTypeError', 'DataCloneError'],
];

export class DOMException extends Error {
  #name;
  constructor(message = '', options = 'Error') {
    super(message);
    const isBag = typeof options === 'object' && options !== null;
    this.#name = String(isBag ? (options.name ?? 'Error') : options);
    if (isBag && 'cause' in options) this.cause = options.cause;
  }
  get name() {
    return this.#name;
  }
  get code() {
    return codes.indexOf(this.#name) + 1;
  }
}
Object.defineProperty(DOMException.prototype, Symbol.toStringTag, {
  value: 'DOMException',
  configurable: true,
});
for (const [at, name] of codes.entries()) {
  if (name === '') continue;
  const constant = `${name
    .replace(/Error$/, '')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toUpperCase()}_ERR`;
  for (const owner of [DOMException, DOMException.prototype]) {
    Object.defineProperty(owner, constant, { value: at + 1, enumerable: true });
  }
}

const prototypes = new Set();
/** Is the object of a class of the web, or of one that extends such? */
function isOfTheWeb(value) {
  for (let at = Object.getPrototypeOf(value); at !== null; at = Object.getPrototypeOf(at)) {
    if (prototypes.has(at)) return true;
  }
  return false;
}

/** Gives a class the tag and the enumerable members that classes of the web have. */
export function webClass(named, tag = named.name.replace(/^_/, '')) {
  const { prototype } = named;
  // The bundler gives classes that name themselves another name.
  Object.defineProperty(named, 'name', { value: tag, configurable: true });
  for (const key of Object.getOwnPropertyNames(prototype)) {
    if (key !== 'constructor') Object.defineProperty(prototype, key, { enumerable: true });
  }
  Object.defineProperty(prototype, Symbol.toStringTag, { value: tag, configurable: true });
  prototypes.add(prototype);
  return named;
}

// Set on events by their target, out of reach of plugins.
let inDispatch;
class Event {
  #type;
  #bubbles;
  #cancelable;
  #composed;
  #canceled = false;
  #state = { target: null, phase: 0, stopped: false, stoppedNow: false, passive: false, active: false };
  #timeStamp = now();
  static {
    inDispatch = (event) => event.#state;
  }
  constructor(type, init = {}) {
    if (arguments.length === 0) throw new TypeError('Event needs a type');
    this.#type = String(type);
    this.#bubbles = Boolean(init?.bubbles);
    this.#cancelable = Boolean(init?.cancelable);
    this.#composed = Boolean(init?.composed);
  }
  get type() {
    return this.#type;
  }
  get target() {
    return this.#state.target;
  }
  get srcElement() {
    return this.#state.target;
  }
  get currentTarget() {
    return this.#state.phase === 0 ? null : this.#state.target;
  }
  composedPath() {
    return this.#state.phase === 0 ? [] : [this.#state.target];
  }
  get eventPhase() {
    return this.#state.phase;
  }
  stopPropagation() {
    this.#state.stopped = true;
  }
  get cancelBubble() {
    return this.#state.stopped;
  }
  set cancelBubble(value) {
    if (value) this.#state.stopped = true;
  }
  stopImmediatePropagation() {
    this.#state.stopped = this.#state.stoppedNow = true;
  }
  get bubbles() {
    return this.#bubbles;
  }
  get cancelable() {
    return this.#cancelable;
  }
  get returnValue() {
    return !this.#canceled;
  }
  set returnValue(value) {
    if (!value) this.preventDefault();
  }
  preventDefault() {
    if (this.#cancelable && !this.#state.passive) this.#canceled = true;
  }
  get defaultPrevented() {
    return this.#canceled;
  }
  get composed() {
    return this.#composed;
  }
  get isTrusted() {
    return false;
  }
  get timeStamp() {
    return this.#timeStamp;
  }
}
for (const [at, name] of ['NONE', 'CAPTURING_PHASE', 'AT_TARGET', 'BUBBLING_PHASE'].entries()) {
  for (const owner of [Event, Event.prototype])
    Object.defineProperty(owner, name, { value: at, enumerable: true });
}
webClass(Event);

class CustomEvent extends Event {
  #detail;
  constructor(type, init = {}) {
    super(type, init);
    this.#detail = init?.detail ?? null;
  }
  get detail() {
    return this.#detail;
  }
}
webClass(CustomEvent);

class ErrorEvent extends Event {
  #init;
  constructor(type, init = {}) {
    super(type, init);
    this.#init = init ?? {};
  }
  get message() {
    return String(this.#init.message ?? '');
  }
  get error() {
    return this.#init.error;
  }
}
webClass(ErrorEvent);

let report = () => {};
let now = () => 0;

class EventTarget {
  #listeners = [];
  addEventListener(type, callback, options) {
    const capture = Boolean(typeof options === 'object' && options !== null ? options.capture : options);
    const bag = typeof options === 'object' && options !== null ? options : {};
    const { once = false, passive = false, signal } = bag;
    if ('signal' in bag && signal !== undefined && !(signal instanceof AbortSignal)) {
      throw new TypeError('The signal is not an AbortSignal');
    }
    if (callback === null || callback === undefined || signal?.aborted) return;
    if (typeof callback !== 'function' && typeof callback !== 'object') {
      throw new TypeError('The listener is neither a function nor an object');
    }
    const name = String(type);
    const same = (one) => one.type === name && one.callback === callback && one.capture === capture;
    if (this.#listeners.some(same)) return;
    const listener = { type: name, callback, capture, once: Boolean(once), passive: Boolean(passive) };
    this.#listeners = [...this.#listeners, listener];
    if (signal) whenAborted(signal, () => this.#remove(listener));
  }
  removeEventListener(type, callback, options) {
    const capture = Boolean(typeof options === 'object' && options !== null ? options.capture : options);
    const name = String(type);
    const found = this.#listeners.find(
      (one) => one.type === name && one.callback === callback && one.capture === capture,
    );
    if (found) this.#remove(found);
  }
  dispatchEvent(event) {
    if (!(event instanceof Event)) throw new TypeError('The event is not an Event');
    const state = inDispatch(event);
    if (state.active) throw new DOMException('The event is being dispatched', 'InvalidStateError');
    Object.assign(state, { active: true, target: this, phase: 2 });
    for (const listener of this.#listeners) {
      if (listener.type !== event.type || listener.removed || state.stoppedNow) continue;
      if (listener.once) this.#remove(listener);
      state.passive = listener.passive;
      try {
        const { callback } = listener;
        if (typeof callback === 'function') callback.call(this, event);
        else callback.handleEvent(event);
      } catch (thrown) {
        report(thrown);
      }
      state.passive = false;
    }
    Object.assign(state, { active: false, phase: 0, stopped: false, stoppedNow: false });
    return !event.defaultPrevented;
  }
  #remove(listener) {
    listener.removed = true;
    this.#listeners = this.#listeners.filter((one) => one !== listener);
  }
}
webClass(EventTarget);

/** `onabort` and its like: a listener that keeps its place when it is replaced. */
export function handlerOf(target, type, handlers) {
  return {
    get: () => handlers.get(type) ?? null,
    set: (handler) => {
      const known = handlers.has(type);
      handlers.set(type, typeof handler === 'function' ? handler : null);
      if (!known) target.addEventListener(type, (event) => handlers.get(type)?.call(target, event));
    },
  };
}

const key = {};
let abort;
let whenAborted;
class AbortSignal extends EventTarget {
  #aborted = false;
  #reason;
  #steps = new Set();
  #dependents = [];
  #onabort = handlerOf(this, 'abort', new Map());
  static {
    abort = (signal, reason) => {
      if (signal.#aborted) return;
      const all = [signal, ...signal.#dependents.filter((one) => !one.#aborted)];
      for (const one of all) {
        one.#aborted = true;
        one.#reason = reason;
      }
      for (const one of all) {
        for (const step of one.#steps) step(reason);
        one.#steps.clear();
        one.dispatchEvent(new Event('abort'));
      }
    };
    whenAborted = (signal, step) => {
      signal.#steps.add(step);
      return () => signal.#steps.delete(step);
    };
  }
  constructor(secret) {
    if (secret !== key) throw new TypeError('Illegal constructor');
    super();
  }
  static abort(reason = new DOMException('This operation was aborted', 'AbortError')) {
    const signal = new AbortSignal(key);
    abort(signal, reason);
    return signal;
  }
  static timeout(milliseconds) {
    const ms = Number(milliseconds);
    if (!(ms >= 0 && ms <= Number.MAX_SAFE_INTEGER)) throw new TypeError('The time is not a whole number');
    const signal = new AbortSignal(key);
    later(() => abort(signal, new DOMException('The operation timed out', 'TimeoutError')), ms);
    return signal;
  }
  static any(signals) {
    const sources = [...signals];
    if (!sources.every((one) => one instanceof AbortSignal)) throw new TypeError('Not an AbortSignal');
    const signal = new AbortSignal(key);
    const done = sources.find((one) => one.#aborted);
    if (done) abort(signal, done.#reason);
    else for (const one of sources) one.#dependents.push(signal);
    // A signal of signals hears of what those hear of.
    const above = (one) => parents.get(one) ?? [one];
    const roots = new Set(sources.flatMap(above));
    if (!done) {
      parents.set(signal, [...roots]);
      for (const root of roots) if (!root.#dependents.includes(signal)) root.#dependents.push(signal);
    }
    return signal;
  }
  get aborted() {
    return this.#aborted;
  }
  get reason() {
    return this.#reason;
  }
  throwIfAborted() {
    if (this.#aborted) throw this.#reason;
  }
  get onabort() {
    return this.#onabort.get();
  }
  set onabort(handler) {
    this.#onabort.set(handler);
  }
}
const parents = new WeakMap();
let later;
webClass(AbortSignal);

class AbortController {
  #signal = new AbortSignal(key);
  get signal() {
    return this.#signal;
  }
  abort(reason = new DOMException('This operation was aborted', 'AbortError')) {
    abort(this.#signal, reason);
  }
}
webClass(AbortController);

export function make(web) {
  report = web.report;
  now = web.now;
  later = web.setTimeout;
  return {
    ...{ DOMException, Event, CustomEvent, ErrorEvent, EventTarget, AbortSignal, AbortController },
    webClass,
    isOfTheWeb,
    whenAborted,
  };
}
