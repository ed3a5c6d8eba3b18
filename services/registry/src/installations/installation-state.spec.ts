import { installationStatuses, type InstallationStatus } from '@mortise/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allowedActions, nextStatus, type InstallationAction } from './installation-state.js';

const actions: InstallationAction[] = [
  'activate',
  'deactivate',
  'configure',
  'reload',
  'grant',
  'revoke',
  'set-secret',
  'uninstall',
];

describe('the state of an installation', () => {
  it('goes from installed to active, inactive and away', () => {
    expect(nextStatus('installed', 'activate')).toBe('active');
    expect(nextStatus('active', 'deactivate')).toBe('inactive');
    expect(nextStatus('inactive', 'uninstall')).toBe('uninstalled');
  });

  it('names the allowed actions when it forbids one', () => {
    expect(() => nextStatus('active', 'activate')).toThrow(
      'activate is not possible while active; possible now: configure, grant, revoke, set-secret, uninstall, deactivate, reload',
    );
    expect(() => nextStatus('uninstalled', 'activate')).toThrow('possible now: nothing');
  });

  it('knows for each status which actions lead on and refuses the rest', () => {
    for (const status of installationStatuses) {
      for (const action of actions) {
        if (allowedActions(status).includes(action))
          expect(installationStatuses).toContain(nextStatus(status, action));
        else expect(() => nextStatus(status, action)).toThrow('is not possible');
      }
    }
  });

  it('never leaves the table, whatever is done in whatever order', () => {
    const life = fc.array(fc.constantFrom(...actions), { maxLength: 40 });
    fc.assert(
      fc.property(life, (wanted) => {
        let status: InstallationStatus = 'installed';
        for (const action of wanted) {
          const allowed = allowedActions(status);
          if (allowed.includes(action)) status = nextStatus(status, action);
          else expect(() => nextStatus(status, action)).toThrow(allowed.join(', ') || 'nothing');
          // What is awaited, suspended or broken is not reached by what a tenant does.
          expect(['installed', 'active', 'inactive', 'uninstalled']).toContain(status);
        }
      }),
    );
  });

  it('is suspended while it is active, by nobody but the platform, and leads back by way of inactive', () => {
    expect(nextStatus('active', 'suspend')).toBe('suspended');
    expect(allowedActions('active')).not.toContain('suspend');
    expect(() => nextStatus('inactive', 'suspend')).toThrow('is not possible');
    expect(() => nextStatus('suspended', 'activate')).toThrow('is not possible');
    expect(nextStatus('suspended', 'deactivate')).toBe('inactive');
  });

  it('ends with uninstalled', () => {
    expect(allowedActions('uninstalled')).toEqual([]);
  });
});
