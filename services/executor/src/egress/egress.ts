import { AddressPolicy, DnsResolver, Egress } from '@mortise/capabilities';
import type { Clock } from '@mortise/service-kit';
import type { ExecutorEnv } from '../env.js';

const loopback = ['127.0.0.1', '::1'];

/**
 * The way out for plugins' requests, as the operator set it.
 * @throws RangeError for ranges that are not opened to plugins
 */
export function openEgress(env: ExecutorEnv, clock: Clock): Egress {
  const addresses = new AddressPolicy(env.EXECUTOR_EGRESS_ALLOW_PRIVATE);
  if (env.MORTISE_MODE === 'production' && loopback.some((address) => addresses.allows(address))) {
    throw new RangeError(
      'EXECUTOR_EGRESS_ALLOW_PRIVATE opens loopback, where the services of Mortise listen: not in production',
    );
  }
  return new Egress({
    names: new DnsResolver(env.EXECUTOR_EGRESS_DNS),
    addresses,
    requestsPerMinute: env.EXECUTOR_EGRESS_PER_MINUTE,
    clock,
  });
}
