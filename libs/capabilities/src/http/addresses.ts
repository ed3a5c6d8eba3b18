import ipaddr from 'ipaddr.js';

type Ip = ipaddr.IPv4 | ipaddr.IPv6;
type Cidr = [Ip, number];

// Public by range, but answered by the cloud's own hosts; and what no private range may open.
const metadata = new Set([
  '169.254.169.254',
  '169.254.170.2',
  '168.63.129.16',
  '100.100.100.200',
  'fd00:ec2::254',
]);
const neverPrivate = new Set(['unspecified', 'broadcast', 'multicast', 'linkLocal']);
const globalUnicast = ipaddr.IPv6.parseCIDR('2000::/3');
const leastPrefix = { ipv4: 8, ipv6: 7 };

/**
 * Which addresses plugins may reach: global unicast ones, and those the operator opens. What was made for carrying an
 * IPv4 address inside IPv6 (mapped, 6to4, Teredo, NAT64 ...) is refused whatever it carries.
 */
export class AddressPolicy {
  readonly #opened: Cidr[];

  /**
   * @param open ranges of private networks, such as `10.20.0.0/16`
   * @throws RangeError for what is no range, for one too wide, and for one that is never opened
   */
  constructor(open: readonly string[] = []) {
    this.#opened = open.map(readRange);
  }

  /** @param address as the resolver gave it */
  allows(address: string): boolean {
    if (!ipaddr.isValid(address) || address.includes('%')) return false;
    const ip = ipaddr.parse(address);
    if (metadata.has(ip.toString())) return false;
    return isGlobal(ip) || this.opens(address);
  }

  /** Is it in a private network that the operator has opened? */
  opens(address: string): boolean {
    const ip = ipaddr.parse(address);
    return (
      !neverPrivate.has(ip.range()) &&
      this.#opened.some((range) => ip.kind() === range[0].kind() && ip.match(range))
    );
  }
}

const isGlobal = (ip: Ip): boolean =>
  ip.range() === 'unicast' && (ip.kind() === 'ipv4' || ip.match(globalUnicast));

function readRange(text: string): Cidr {
  if (!ipaddr.isValidCIDR(text))
    throw new RangeError(`${text} is no address range: write it as 10.20.0.0/16`);
  const range = ipaddr.parseCIDR(text);
  const [ip, prefix] = range;
  if (prefix < leastPrefix[ip.kind()]) {
    throw new RangeError(`${text} is too wide: name the networks that plugins have to reach`);
  }
  if (neverPrivate.has(ip.range())) throw new RangeError(`${text} is never opened to plugins`);
  return range;
}
