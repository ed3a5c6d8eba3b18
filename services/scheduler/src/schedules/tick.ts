/** A tick later than this was missed: nobody was there to fire it. */
export const graceMs = 60_000;
/** A run that never told its end holds up the next ones no longer than this. */
export const forgottenMs = 86_400_000;

export interface DueSchedule {
  catchUp: 'skip' | 'once';
  overlap: 'skip' | 'queue';
  hold: 'waiting' | 'released' | null;
  dueMs: number;
  /** The last fire has not ended yet. */
  unfinished: boolean;
  /** The installation is active and its version not quarantined, as far as this process knows. */
  runnable: boolean;
}

export type TickDecision =
  | { kind: 'fire' }
  /** The run before goes on: try again when it has ended. */
  | { kind: 'wait' }
  | { kind: 'skip'; why: 'missed' | 'overlap' | 'not_runnable' };

/** What becomes of a due schedule. Many missed ticks are one: the next due time is always in the future. */
export function decideTick(schedule: DueSchedule, nowMs: number): TickDecision {
  if (!schedule.runnable) return { kind: 'skip', why: 'not_runnable' };
  const late = nowMs - schedule.dueMs > graceMs && schedule.hold === null;
  if (late && schedule.catchUp === 'skip') return { kind: 'skip', why: 'missed' };
  if (!schedule.unfinished) return { kind: 'fire' };
  return schedule.overlap === 'queue' ? { kind: 'wait' } : { kind: 'skip', why: 'overlap' };
}
