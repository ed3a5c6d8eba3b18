import type { CapabilityStores, ExecutionScope } from './types.js';

/** The host side of ctx: authorises, meters and does each call. */
export declare class CapabilityHost {
  constructor(stores: CapabilityStores);
  call(scope: ExecutionScope, op: string, argsJson: string): Promise<string>;
}
