import type { Run } from './cell.js';

/** A plugin's timers: the host's clock, gone with the run. */
export function setTimer(run: Run, id: number, delayMs: number, fire: () => void): void {
  run.timers ??= new Map();
  run.cell.wait(run, 1);
  const repeats = delayMs < 0;
  const timer = setTimeout(() => {
    if (repeats) timer.refresh();
    else clearTimer(run, id);
    fire();
  }, Math.abs(delayMs));
  run.timers.set(id, timer);
}

export function clearTimer(run: Run, id: number): void {
  const timer = run.timers?.get(id);
  if (!timer) return;
  clearTimeout(timer);
  run.timers?.delete(id);
  run.cell.wait(run, -1);
}
