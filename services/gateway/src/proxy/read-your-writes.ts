import type { StateTable } from '@mortise/bus';
import type { InstallationStateData } from '@mortise/contracts';

const longestMs = 2_000;
const value = /^([0-9a-f-]{36});revision=(\d+)$/;

/**
 * Waits until this gateway's own state has what a lifecycle answer speaks of, so that an execute right after it never
 * fails for staleness. After 2 s the answer goes out anyway: it is true, only not known here.
 * @param header `{installationId};revision={n}`
 */
export async function caughtUpWith(
  installations: StateTable<InstallationStateData>,
  header: string | string[] | undefined,
): Promise<void> {
  const found = typeof header === 'string' ? value.exec(header) : null;
  if (found?.[1]) await installations.waitFor(found[1], Number(found[2]), longestMs);
}
