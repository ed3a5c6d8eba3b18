import type { InstallationStateData, PluginStateData } from '@mortise/contracts';
import { describe, expect, it } from 'vitest';
import { installation } from '@mortise/testing';
import { table } from '../../test/builders.js';
import { admit } from './admission.js';

const known = (state: InstallationStateData, quarantined: PluginStateData['quarantined'] = []) => ({
  installations: table([[state.installationId, state]]),
  plugins: table<PluginStateData>([
    [
      state.pluginId,
      {
        pluginId: state.pluginId,
        tenantId: state.tenantId,
        publisher: 'acme',
        slug: 'sample',
        quarantined,
        revision: 1,
      },
    ],
  ]),
});
const ask = (state: InstallationStateData, over: Partial<Parameters<typeof admit>[1]> = {}) => ({
  tenantId: state.tenantId,
  installationId: state.installationId,
  function: undefined,
  trigger: 'call' as const,
  ...over,
});
const codeOf = (admission: ReturnType<typeof admit>) => (admission.ok ? 'ok' : admission.refusal.code);

describe('admission', () => {
  it('lets an active installation run its only function', () => {
    const state = installation({ functions: { greet: { handler: 'hello' } } });

    const admission = admit(known(state), ask(state));

    expect(admission).toMatchObject({ ok: true, admitted: { function: 'greet', handler: 'hello' } });
  });

  it("treats another tenant's installation as none", () => {
    const state = installation();

    expect(codeOf(admit(known(state), ask(state, { tenantId: 'other' })))).toBe('INSTALLATION_NOT_FOUND');
  });

  it('refuses what is not active, quarantined or not there, in that light', () => {
    const inactive = installation({ status: 'inactive' });
    const banned = installation();
    const active = installation();

    expect(codeOf(admit(known(inactive), ask(inactive)))).toBe('NOT_ACTIVE');
    expect(
      admit(known(banned, [{ digest: banned.digest, reason: 'mines coins' }]), ask(banned)),
    ).toMatchObject({ refusal: { code: 'QUARANTINED', details: { reason: 'mines coins' } } });
    expect(admit(known(active), ask(active, { function: 'nope' }))).toMatchObject({
      refusal: { code: 'FUNCTION_NOT_FOUND', details: { function: 'nope', functions: 'run' } },
    });
  });

  it('hides functions that are not exposed to the API from callers only', () => {
    const state = installation({ functions: { run: {}, onEvent: { expose: [] } } });

    expect(codeOf(admit(known(state), ask(state, { function: 'onEvent' })))).toBe('FUNCTION_NOT_FOUND');
    expect(codeOf(admit(known(state), ask(state, { function: 'onEvent', trigger: 'event' })))).toBe('ok');
  });

  it("prefers the function's limits to the installation's and gives jobs more time", () => {
    const state = installation({
      limits: { timeoutMs: 1_000, memoryMb: 64 },
      functions: { run: { limits: { timeoutMs: 90_000 } } },
    });

    expect(admit(known(state), ask(state))).toMatchObject({
      admitted: { limits: { timeoutMs: 30_000, memoryMb: 64 } },
    });
    expect(admit(known(state), ask(state, { trigger: 'job' }))).toMatchObject({
      admitted: { limits: { timeoutMs: 90_000 } },
    });
  });
});
