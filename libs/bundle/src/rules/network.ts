import { getPublicSuffix } from 'tldts';
import type { Manifest } from '@mortise/contracts';
import type { Finding, Rule } from './rule.js';

function* hosts(manifest: Manifest): Generator<{ host: string; pointer: string }> {
  for (const [index, host] of (manifest.network?.allow ?? []).entries()) {
    yield { host, pointer: `/network/allow/${index}` };
  }
  for (const [at, connection] of (manifest.connections ?? []).entries()) {
    for (const [index, host] of ((connection['hosts'] ?? []) as string[]).entries()) {
      yield { host, pointer: `/connections/${at}/hosts/${index}` };
    }
  }
}

function* hostFindings(
  manifest: Manifest,
  problem: (name: string, isWildcard: boolean, port?: number) => string | undefined,
): Generator<Finding> {
  for (const { host, pointer } of hosts(manifest)) {
    const [name = '', port] = host.split(':');
    const message = problem(
      name.replace(/^\*\./, ''),
      name.startsWith('*.'),
      port === undefined ? undefined : Number(port),
    );
    if (message) yield { pointer, message: `"${host}": ${message}` };
  }
}

// Names that lead into the operator's own network wherever they resolve.
const internal =
  /(^|\.)(localhost|local|localdomain|internal|intranet|lan|home\.arpa|cluster\.local|in-addr\.arpa|ip6\.arpa)$/;

const allow = (...names: string[]) => ({
  network: { allow: names },
  permissions: [{ resource: 'http', actions: ['request'] }],
});

export const networkRules: Rule[] = [
  {
    id: 'host-public-suffix',
    what: 'a wildcard covers one registrable domain, not a suffix under which anybody can register',
    check: ({ manifest }) =>
      hostFindings(manifest, (name, isWildcard) =>
        isWildcard && getPublicSuffix(name, { allowPrivateDomains: true }) === name
          ? `anybody can register names below ${name}: name the hosts, or a domain of one owner`
          : undefined,
      ),
    holds: allow('*.example.com', 'api.example.org:8443'),
    breaks: allow('*.co.uk'),
  },
  {
    id: 'host-internal',
    what: 'hosts are public names: no single labels, addresses or names of private networks',
    check: ({ manifest }) =>
      hostFindings(manifest, (name) =>
        !name.includes('.') || internal.test(name) || /^[\d.]+$/.test(name)
          ? 'it is not a public host name'
          : undefined,
      ),
    holds: allow('internal.example.com'),
    breaks: allow('metadata.google.internal'),
  },
  {
    id: 'host-port',
    what: 'a port lies between 1 and 65535',
    check: ({ manifest }) =>
      hostFindings(manifest, (_name, _isWildcard, port) =>
        port !== undefined && (port < 1 || port > 65_535) ? 'a port lies between 1 and 65535' : undefined,
      ),
    holds: allow('api.example.com:8443'),
    breaks: allow('api.example.com:70000'),
  },
  {
    id: 'network-without-hosts',
    what: 'who asks for http:request names the hosts',
    *check({ manifest }) {
      const index = (manifest.permissions ?? []).findIndex(
        ({ resource, actions }) => resource === 'http' && actions.includes('request'),
      );
      const { allow: named = [], configured = [] } = manifest.network ?? {};
      if (index < 0 || named.length + configured.length > 0) return;
      yield { pointer: `/permissions/${index}`, message: 'http:request needs the hosts: add network.allow' };
    },
    holds: allow('api.example.com'),
    breaks: { permissions: [{ resource: 'http', actions: ['request'] }] },
  },
];
