import type { Rule } from './rule.js';

export const secretRules: Rule[] = [
  {
    id: 'secret-declared',
    what: 'a secret that a route or the network section names is declared under secrets, or a config property',
    *check({ manifest }) {
      const secrets = new Set((manifest.secrets ?? []).map(({ key }) => key));
      const config = Object.keys((manifest.config?.['properties'] as object | undefined) ?? {});
      for (const [index, route] of (manifest.routes ?? []).entries()) {
        const secret = (route['auth'] as { secret?: string } | undefined)?.secret;
        if (secret === undefined || secrets.has(secret)) continue;
        yield {
          pointer: `/routes/${index}/auth/secret`,
          message: `no secret "${secret}" is declared under secrets`,
        };
      }
      for (const [index, key] of (manifest.network?.configured ?? []).entries()) {
        if (secrets.has(key) || config.includes(key)) continue;
        yield {
          pointer: `/network/configured/${index}`,
          message: `"${key}" is neither a declared secret nor a config property`,
        };
      }
    },
    holds: { secrets: [{ key: 'BASE_URL' }], network: { allow: [], configured: ['BASE_URL'] } },
    breaks: { network: { allow: [], configured: ['BASE_URL'] } },
  },
];
