import { limitError, type Call } from '../capability.js';
import { requiredSecret } from '../secrets.js';
import { CapabilityError, type ExecutionScope } from '../types.js';
import { Exchange } from './exchange.js';
import { httpLimits } from './limits.js';
import { Injected } from './masking.js';
import type { ReadRequest } from './request.js';
import { invalid } from './target.js';

/** The requests of one execution that are open, and the secrets that were sent with any of them. */
export class Exchanges {
  readonly #open = new Map<number, Exchange>();
  readonly #injected = new Injected();

  constructor(scope: ExecutionScope) {
    scope.signal.addEventListener('abort', () => {
      for (const exchange of [...this.#open.values()]) exchange.end(ended());
    });
  }

  /** @throws CapabilityError when too many are open, or the id is that of one */
  begin(call: Call, request: ReadRequest): Exchange {
    const { scope, stores } = call;
    const { id } = request;
    if (scope.signal.aborted) throw ended();
    if (this.#open.has(id)) throw invalid('id', 'A request with this id is open');
    if (this.#open.size >= httpLimits.open)
      throw limitError(scope, 'openRequests', httpLimits.open, this.#open.size + 1);
    const exchange = new Exchange(call, request, {
      egress: stores.egress,
      injected: this.#injected,
      secret: async (key) => {
        const value = await requiredSecret(call, key);
        this.#injected.add(value);
        return value;
      },
      onEnd: () => this.#open.delete(id),
    });
    this.#open.set(id, exchange);
    return exchange;
  }

  get(id: number): Exchange | undefined {
    return this.#open.get(id);
  }
}

const ended = () => new CapabilityError('EXECUTION_CANCELLED', 'The execution has ended');

const all = new WeakMap<ExecutionScope, Exchanges>();

export function exchangesOf(scope: ExecutionScope): Exchanges {
  let exchanges = all.get(scope);
  if (!exchanges) all.set(scope, (exchanges = new Exchanges(scope)));
  return exchanges;
}
