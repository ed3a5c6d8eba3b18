import { execFileSync, spawnSync } from 'node:child_process';
import { beforeAll, describe, expect, it } from 'vitest';

/** What lint says about a text, as if it stood in that file. */
function lint(file: string, text: string): string {
  const { stdout } = spawnSync('eslint', ['--stdin', '--stdin-filename', file, '--format', 'json'], {
    input: text,
    encoding: 'utf8',
    env: { ...process.env, NX_DAEMON: 'false' },
  });
  const [result] = JSON.parse(stdout) as { messages: { ruleId: string; message: string }[] }[];
  return (result?.messages ?? []).map(({ ruleId, message }) => `${ruleId}: ${message}`).join('\n');
}

describe('the fence between projects', () => {
  beforeAll(() => {
    // The boundary rule reads the project graph from Nx's cache.
    execFileSync('nx', ['show', 'projects'], {
      stdio: 'ignore',
      env: { ...process.env, NX_DAEMON: 'false' },
    });
  }, 60_000);

  it('keeps a service from importing another service', () => {
    const said = lint(
      'services/gateway/src/main.ts',
      "import { registryEnv } from '@mortise/registry';\nexport const env = registryEnv;\n",
    );

    expect(said).toContain('@nx/enforce-module-boundaries');
  }, 60_000);

  it('keeps libraries that may be replaced behind one folder each', () => {
    const said = lint(
      'services/gateway/src/main.ts',
      "import kafkajs from 'kafkajs';\nexport const kafka = kafkajs;\n",
    );

    expect(said).toContain('Only libs/bus/src/kafka may import kafkajs.');
  }, 60_000);

  it('keeps the environment in one place', () => {
    const said = lint('services/gateway/src/main.ts', 'export const port = process.env.PORT;\n');

    expect(said).toContain("Only service-kit's loadEnv reads the environment.");
  }, 60_000);

  it('lets what is allowed pass', () => {
    const said = lint(
      'services/gateway/src/main.ts',
      "import { newId } from '@mortise/service-kit';\nexport const id = newId();\n",
    );

    expect(said).toBe('');
  }, 60_000);
});
