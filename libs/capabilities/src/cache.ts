import { capability, limitError, numberArgument, textArgument } from './capability.js';
import { CapabilityError } from './types.js';

const keyLength = 512;
const valueBytes = 65_536;
/** What one installation may hold; what was written first makes room. */
const quotaBytes = 4 * 1_048_576;
const maxTtlMs = 86_400_000;
const defaultTtlMs = 3_600_000;

function keyArgument(args: Record<string, unknown>): string {
  const key = textArgument(args, 'key', keyLength);
  if (!/\p{Cc}/u.test(key) && key.isWellFormed()) return key;
  throw new CapabilityError('INVALID_REQUEST', 'key has to be text without control characters', {
    argument: 'key',
  });
}

/** The value kept under a key; null when there is none any more. */
export const cacheGet = capability({
  name: 'cache.get',
  permission: 'cache:read',
  async run(args, { scope, stores }) {
    const { tenantId, installationId } = scope.installation;
    const text = await stores.cache.get(tenantId, installationId, keyArgument(args));
    return text === undefined ? null : (JSON.parse(text) as unknown);
  },
});

/** Keeps a JSON value for a while, perhaps for less. */
export const cacheSet = capability({
  name: 'cache.set',
  permission: 'cache:write',
  async run(args, { scope, stores, nowMs }) {
    const { tenantId, installationId } = scope.installation;
    const key = keyArgument(args);
    const ttlMs = numberArgument(args, 'ttlMs', 1, maxTtlMs) ?? defaultTtlMs;
    const text = JSON.stringify(args['value'] ?? null);
    const bytes = Buffer.byteLength(text);
    if (bytes > valueBytes) throw limitError(scope, 'cacheValueBytes', valueBytes, bytes);
    await stores.cache.set(tenantId, installationId, key, text, { expiresAt: nowMs + ttlMs, quotaBytes });
    return null;
  },
});

/** Forgets a key; true when there was one. */
export const cacheDelete = capability({
  name: 'cache.delete',
  permission: 'cache:write',
  run: (args, { scope, stores }) =>
    stores.cache.delete(scope.installation.tenantId, scope.installation.installationId, keyArgument(args)),
});
