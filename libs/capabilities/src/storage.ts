import { capability, limitError, numberArgument, textArgument } from './capability.js';
import { CapabilityError } from './types.js';

const keyLength = 512;
const valueBytes = 65_536;
const listLimit = 1_000;
const longestTtlMs = 10 * 365 * 24 * 3_600_000;
const bytesPerMb = 1_048_576;

/** Keys are plain text without control characters or lone surrogates, so that every store keeps them as they are. */
function keyArgument(args: Record<string, unknown>): string {
  const key = textArgument(args, 'key', keyLength);

  if (/[\u0000-\u001f\u007f]/.test(key) || !key.isWellFormed()) {
    throw new CapabilityError('INVALID_REQUEST', 'A key holds no control characters', { argument: 'key' });
  }
  return key;
}

/** The value of a key of the installation's own storage; null when there is none or it has expired. */
export const storageGet = capability({
  name: 'storage.get',
  permission: 'storage:read',
  async run(args, { scope, stores }) {
    const { tenantId, installationId } = scope.installation;
    const text = await stores.storage.get(tenantId, installationId, keyArgument(args));
    return text === undefined ? null : (JSON.parse(text) as unknown);
  },
});

/** Stores a JSON value of at most 64 KB, for `ttlMs` when given. */
export const storageSet = capability({
  name: 'storage.set',
  permission: 'storage:write',
  async run(args, { scope, stores, nowMs }) {
    const { tenantId, installationId } = scope.installation;
    const key = keyArgument(args);
    const ttlMs = numberArgument(args, 'ttlMs', 1, longestTtlMs);
    const text = JSON.stringify(args.value ?? null);
    const bytes = Buffer.byteLength(text);
    if (bytes > valueBytes) throw limitError(scope, 'storageValueBytes', valueBytes, bytes);
    const quotaBytes = scope.limits.storageMb * bytesPerMb;
    const expiresAt = ttlMs === undefined ? null : nowMs + ttlMs;
    const stored = await stores.storage.set(tenantId, installationId, key, text, { expiresAt, quotaBytes });
    if (!stored.ok) {
      const usedMb = Math.ceil((stored.usedBytes / bytesPerMb) * 100) / 100;
      throw limitError(scope, 'storageMb', scope.limits.storageMb, usedMb);
    }
    return null;
  },
});

/** Removes a key; true when there was one. */
export const storageDelete = capability({
  name: 'storage.delete',
  permission: 'storage:write',
  run: (args, { scope, stores }) =>
    stores.storage.delete(scope.installation.tenantId, scope.installation.installationId, keyArgument(args)),
});

/** Keys with a prefix, in code point order, a page at a time. */
export const storageList = capability({
  name: 'storage.list',
  permission: 'storage:read',
  async run(args, { scope, stores }) {
    const { tenantId, installationId } = scope.installation;
    const prefix =
      args.prefix === undefined || args.prefix === '' ? '' : textArgument(args, 'prefix', keyLength);
    const after =
      args.cursor === undefined || args.cursor === null ? null : textArgument(args, 'cursor', keyLength);
    const limit = numberArgument(args, 'limit', 1, listLimit) ?? 100;
    const keys = await stores.storage.list(tenantId, installationId, { prefix, after, limit: limit + 1 });
    const page = keys.slice(0, limit);
    return { keys: page, cursor: keys.length > limit ? (page.at(-1) ?? null) : null };
  },
});
