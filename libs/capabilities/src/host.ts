import { jsonDepth } from '@mortise/contracts';
import { authorise, limitError, type Capability } from './capability.js';
import { cacheDelete, cacheGet, cacheSet } from './cache.js';
import { configGet } from './config.js';
import { eventsEmit } from './events.js';
import { httpAbort, httpRead, httpRequest, httpWrite } from './http/http.js';
import { pluginsCall } from './plugins.js';
import { secretsGet } from './secrets.js';
import { storageDelete, storageGet, storageList, storageSet } from './storage.js';
import { CapabilityError, type CapabilityStores, type ExecutionScope } from './types.js';

const capabilities: ReadonlyMap<string, Capability> = new Map(
  [
    ...[storageGet, storageSet, storageDelete, storageList],
    ...[cacheGet, cacheSet, cacheDelete],
    ...[httpRequest, httpWrite, httpRead, httpAbort],
    ...[eventsEmit, secretsGet, configGet, pluginsCall],
  ].map((each) => [each.name, each]),
);

const depthMax = 128;

/** The host side of ctx: authorises, meters and does each call of a plugin. */
export class CapabilityHost {
  readonly #stores: CapabilityStores;

  constructor(stores: CapabilityStores) {
    this.#stores = stores;
  }

  /**
   * @param argsJson JSON text of an object, written by the plugin
   * @returns JSON text
   * @throws CapabilityError what the plugin may see of a refusal; any other error is the host's own and not for it
   */
  async call(scope: ExecutionScope, op: string, argsJson: string): Promise<string> {
    const found = capabilities.get(op);
    if (!found)
      throw new CapabilityError('NOT_SUPPORTED_YET', `ctx has no ${op.slice(0, 64)}`, {
        what: op.slice(0, 64),
      });
    const { meter, limits } = scope;
    meter.bytesIn += argsJson.length;
    if (++meter.hostCalls > limits.hostCalls) {
      throw limitError(scope, 'hostCalls', limits.hostCalls, meter.hostCalls);
    }
    const nowMs = this.#stores.clock?.now() ?? Date.now();
    authorise(scope, found.permission, nowMs);
    const answer = JSON.stringify(
      (await found.run(argumentsOf(argsJson), { scope, stores: this.#stores, nowMs })) ?? null,
    );
    meter.bytesOut += answer.length;
    return answer;
  }
}

/** The arguments as data: `__proto__` keys are dropped at every depth. */
function argumentsOf(json: string): Record<string, unknown> {
  // What takes the data further, databases and other services, does so by recursion.
  if (json.length > 2 * depthMax && jsonDepth(json) > depthMax) {
    const message = `The arguments of a call nest no deeper than ${depthMax} levels`;
    throw new CapabilityError('INVALID_REQUEST', message);
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(json, (key, value: unknown) => (key === '__proto__' ? undefined : value));
  } catch {
    parsed = undefined;
  }
  if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed))
    return parsed as Record<string, unknown>;
  throw new CapabilityError('INVALID_REQUEST', 'The arguments of a call are one JSON object');
}
