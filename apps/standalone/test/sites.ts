import { NameServer } from '@mortise/testing';

/** The hosts that plugins under test may ask, as the executors' own DNS server knows them. */
export interface Sites {
  /** For the executors. */
  env: Record<string, string>;
  close(): void;
}

/** On loopback, which the executors are told to allow. */
export const site = 'api.example.com';
/** In a private network, which they are not. */
export const inside = 'inside.example.com';

export async function startSites(): Promise<Sites> {
  const names = await NameServer.start();
  names.names.set(site, '127.0.0.1').set(inside, '10.1.2.3');
  return {
    env: { EXECUTOR_EGRESS_DNS: names.address, EXECUTOR_EGRESS_ALLOW_PRIVATE: '127.0.0.0/8' },
    close: () => names.close(),
  };
}
