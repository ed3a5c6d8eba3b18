import { capability, textArgument } from './capability.js';
import { CapabilityError } from './types.js';

/** The value of a secret that the manifest declares; null while nobody has set it. */
export const secretsGet = capability({
  name: 'secrets.get',
  permission: 'secrets:read',
  async run(args, { scope, stores }) {
    const key = textArgument(args, 'key', 128);
    const { installation } = scope;
    if (!installation.secretKeys.includes(key)) {
      scope.onDenied('security_violation', `secrets:read ${key}`);
      const message = `The plugin read the secret ${key}, which its manifest does not declare`;
      throw new CapabilityError(
        'SECURITY_VIOLATION',
        message,
        { permission: 'secrets:read', key },
        'security_violation',
      );
    }
    const { tenantId, installationId, secretsRevision } = installation;
    const value = await stores.secrets.get(tenantId, installationId, secretsRevision, key);
    if (value === undefined) return null;
    scope.redactor.add(value);
    return value;
  },
});
