import type { InstallationStateData } from '@mortise/contracts';
import { authoriseSelected, type Call } from '../capability.js';
import { CapabilityError } from '../types.js';
import { entryOfUrl, hostEntry, namesHost, namesTarget, type HostEntry, type Target } from './hosts.js';

export const permission = 'http:request';

const isEntry = (entry: HostEntry | undefined): entry is HostEntry => entry !== undefined;
const read = new WeakMap<readonly unknown[], HostEntry[]>();

/** The entries of a list, read once as long as the state that holds it lives. */
function entriesOf(list: unknown): HostEntry[] {
  if (!Array.isArray(list)) return [];
  let entries = read.get(list);
  if (!entries) {
    entries = (list as unknown[])
      .map((text) => (typeof text === 'string' ? hostEntry(text) : undefined))
      .filter(isEntry);
    read.set(list, entries);
  }
  return entries;
}

const namesGranted = (entry: HostEntry, { host, port }: Target): boolean =>
  namesHost(entry, host) && (entry.port === undefined || entry.port === port);

/**
 * May the installation send a request there now: asked for in its manifest (or named by its configuration), and granted?
 * @param via how it came to go there: a redirect is the server's doing, not the plugin's
 * @throws CapabilityError a violation for a host never asked for, else a denial
 */
export async function authoriseTarget(call: Call, target: Target, via: 'plugin' | 'redirect'): Promise<void> {
  const { scope } = call;
  const { host } = target;
  const allows = ({ hosts, ...others }: Record<string, unknown>): boolean =>
    hosts === undefined
      ? Object.keys(others).length === 0
      : entriesOf(hosts).some((entry) => namesGranted(entry, target));
  const asked = askedOf(scope.installation);
  const narrowed = scope.installation.selectors?.[permission];
  const isAsked = asked.some((entry) => namesTarget(entry, target)) || (await isConfigured(call, target));
  if (!isAsked || (narrowed && !narrowed.some(allows))) {
    if (via === 'redirect') {
      throw denied(call, target, `A redirect leads to ${host}, which the manifest does not allow`);
    }
    if (!isAsked && asked.some((entry) => namesHost(entry, host))) {
      const wanted = `${host}:${target.port}`;
      throw denied(call, target, `${host} is allowed, but not this port: add ${wanted} to network.allow`);
    }
    throw violation(call, host);
  }
  authoriseSelected(call, permission, { host }, allows);
}

/** Manifests of other dialects name no hosts: what was granted at the installation is what they may use. */
function askedOf({ network, grants }: InstallationStateData): HostEntry[] {
  if (network) return entriesOf(network.allow);
  return grants
    .filter((grant) => grant.permission === permission)
    .flatMap(({ selector }) => entriesOf(selector?.['hosts']));
}

/** Does a URL in the configuration or in a secret, under a key that the manifest names for it, lead there? */
async function isConfigured({ scope, stores }: Call, target: Target): Promise<boolean> {
  const { network, config, secretKeys, tenantId, installationId, secretsRevision } = scope.installation;
  for (const key of network?.configured ?? []) {
    const value = secretKeys.includes(key)
      ? await stores.secrets.get(tenantId, installationId, secretsRevision, key)
      : Object.hasOwn(config, key)
        ? config[key]
        : undefined;
    const entry = entryOfUrl(value);
    if (entry && namesTarget(entry, target)) return true;
  }
  return false;
}

function denied({ scope }: Call, { host }: Target, message: string): CapabilityError {
  scope.onDenied('permission_denied', permission);
  return new CapabilityError('PERMISSION_DENIED', message, { permission, host });
}

function violation({ scope }: Call, host: string): CapabilityError {
  scope.onDenied('security_violation', `${permission} ${host}`);
  const message = `The plugin called ${host}, which its manifest never asked for`;
  return new CapabilityError('SECURITY_VIOLATION', message, { permission, host }, 'security_violation');
}
