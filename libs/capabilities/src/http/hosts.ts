/** Where a request goes: the host as WHATWG URL writes it, without the trailing dot. */
export interface Target {
  protocol: 'http:' | 'https:';
  host: string;
  port: number;
}

/** One entry of an allow-list. */
export interface HostEntry {
  /** `api.example.com`, or `.example.com` for all names below it. */
  name: string;
  isWildcard: boolean;
  port?: number;
}

/** A host name as it is compared: lower case, punycode, without the trailing dot. */
export const plainHost = (hostname: string): string => hostname.replace(/\.$/, '').toLowerCase();

/**
 * Reads `host`, `*.host`, `host:port`, in any spelling a URL may have.
 * @returns undefined for what is no host name: it allows nothing
 */
export function hostEntry(text: string): HostEntry | undefined {
  const isWildcard = text.startsWith('*.');
  const [rest = '', portText] = text.slice(isWildcard ? 2 : 0).split(':', 2);
  // The URL parser would read these as parts of another kind.
  if (!/^[^/?#@\\\s%[\]*]+$/.test(rest) || (portText !== undefined && !/^\d{1,5}$/.test(portText)))
    return undefined;
  if (!URL.canParse(`https://${rest}/`)) return undefined;
  const name = plainHost(new URL(`https://${rest}/`).hostname);
  if (isAddress(name)) return undefined;
  return {
    name: isWildcard ? `.${name}` : name,
    isWildcard,
    ...(portText !== undefined && { port: Number(portText) }),
  };
}

/** Is it an address instead of a name? URL has already written every spelling of an IPv4 address as four numbers. */
export const isAddress = (host: string): boolean => host.startsWith('[') || /^[\d.]+$/.test(host);

export const namesHost = ({ name, isWildcard }: HostEntry, host: string): boolean =>
  isWildcard ? host.length > name.length && host.endsWith(name) : host === name;

/** Without a port an entry means https on 443; with one that port, by https or plain http. */
export const namesPort = ({ port }: HostEntry, target: Target): boolean =>
  port === undefined ? target.protocol === 'https:' && target.port === 443 : target.port === port;

export const namesTarget = (entry: HostEntry, target: Target): boolean =>
  namesHost(entry, target.host) && namesPort(entry, target);

/** The entry of a URL's own host and port; undefined where the text is no http(s) URL with a host name. */
export function entryOfUrl(text: unknown): HostEntry | undefined {
  if (typeof text !== 'string' || !URL.canParse(text)) return undefined;
  const { protocol, hostname, port } = new URL(text);
  if (protocol !== 'https:' && protocol !== 'http:') return undefined;
  const name = plainHost(hostname);
  if (name === '' || isAddress(name)) return undefined;
  return { name, isWildcard: false, port: Number(port) || (protocol === 'https:' ? 443 : 80) };
}
