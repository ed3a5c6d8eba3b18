import { capability, textArgument, type Call } from './capability.js';
import { CapabilityError } from './types.js';

/** The value of a secret that the manifest declares; null while nobody has set it. */
export const secretsGet = capability({
  name: 'secrets.get',
  permission: 'secrets:read',
  run: async (args, call) => (await readSecret(call, textArgument(args, 'key', 128))) ?? null,
});

/** @throws CapabilityError a violation when the manifest does not declare it, SECRET_NOT_SET while it has no value */
export async function requiredSecret(call: Call, key: string): Promise<string> {
  const value = await readSecret(call, key);
  if (value !== undefined) return value;
  throw new CapabilityError('SECRET_NOT_SET', `The secret ${key} has no value yet`, { key });
}

async function readSecret({ scope, stores }: Call, key: string): Promise<string | undefined> {
  const { tenantId, installationId, secretsRevision, secretKeys } = scope.installation;
  if (!secretKeys.includes(key)) {
    scope.onDenied('security_violation', `secrets:read ${key}`);
    const message = `The plugin read the secret ${key}, which its manifest does not declare`;
    throw new CapabilityError(
      'SECURITY_VIOLATION',
      message,
      { permission: 'secrets:read', key },
      'security_violation',
    );
  }
  const value = await stores.secrets.get(tenantId, installationId, secretsRevision, key);
  if (value !== undefined) scope.redactor.add(value);
  return value;
}
