import { installationStatuses } from '@mortise/contracts';
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

  it('never leaves the table, whatever is done in whatever order', () => {
    for (const status of installationStatuses) {
      for (const action of actions) {
        if (allowedActions(status).includes(action))
          expect(installationStatuses).toContain(nextStatus(status, action));
        else expect(() => nextStatus(status, action)).toThrow('is not possible');
      }
    }
  });

  it('ends with uninstalled', () => {
    expect(allowedActions('uninstalled')).toEqual([]);
  });
});
