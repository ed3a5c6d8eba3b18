import type { Bus } from '@mortise/bus';
import { SecurityViolation } from '@mortise/contracts';
import type { CrashBudget } from './crash-budget.js';
import type { Integrity } from './integrity.js';

/** Acts on what executors found. Before the bus starts. */
export function actOnViolations(bus: Bus, crashBudget: CrashBudget, integrity: Integrity): void {
  bus.on(SecurityViolation, async ({ data }) => {
    await crashBudget.note(data);
    await integrity.note(data);
  });
}
