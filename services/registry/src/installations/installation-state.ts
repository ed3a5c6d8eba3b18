import { AppError } from '@mortise/service-kit';
import type { InstallationStatus } from '@mortise/contracts';

/** What can be done to an installation. */
export type InstallationAction =
  | 'activate'
  | 'deactivate'
  | 'configure'
  | 'reload'
  | 'grant'
  | 'revoke'
  | 'set-secret'
  | 'uninstall'
  | 'suspend';

type Row = Partial<Record<InstallationAction, InstallationStatus>>;

const kept = (status: InstallationStatus): Row => ({
  configure: status,
  grant: status,
  revoke: status,
  'set-secret': status,
  uninstall: 'uninstalled',
});

/** The whole machine: status, action, next status. What is not here is forbidden. */
const transitions: Record<InstallationStatus, Row> = {
  awaiting_approval: { grant: 'awaiting_approval', uninstall: 'uninstalled' },
  installed: { ...kept('installed'), activate: 'active' },
  active: { ...kept('active'), deactivate: 'inactive', reload: 'active', suspend: 'suspended' },
  inactive: { ...kept('inactive'), activate: 'active' },
  suspended: { ...kept('suspended'), deactivate: 'inactive' },
  error: { ...kept('error'), activate: 'active', deactivate: 'inactive' },
  uninstalled: {},
};

/** What its tenant may do to it; to suspend it is the platform's own. */
export const allowedActions = (status: InstallationStatus): InstallationAction[] =>
  (Object.keys(transitions[status]) as InstallationAction[]).filter((action) => action !== 'suspend');

/** @throws AppError TRANSITION_NOT_ALLOWED naming what is allowed */
export function nextStatus(status: InstallationStatus, action: InstallationAction): InstallationStatus {
  const next = transitions[status][action];
  if (!next) {
    const allowed = allowedActions(status).join(', ') || 'nothing';
    throw new AppError('TRANSITION_NOT_ALLOWED', { action, status, allowed });
  }
  return next;
}
