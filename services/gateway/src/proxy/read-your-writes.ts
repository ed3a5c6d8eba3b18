import type { StateTable } from '@mortise/bus';
import type { InstallationStateData } from '@mortise/contracts';

const longestMs = 2_000;
const value = /^([0-9a-f-]{36});revision=(\d+)$/;

/**
 * Waits until this gateway's own state has what a lifecycle answer speaks of, so that an execute right after it never
 * fails for staleness. After 2 s the answer goes out anyway: it is true, only not known here.
 * @param header `{installationId};revision={n}`
 * @param removes the request uninstalls: the installation's absence is what there is to wait for
 */
export async function caughtUpWith(
  installations: StateTable<InstallationStateData>,
  header: string | string[] | undefined,
  removes: boolean,
): Promise<void> {
  const found = typeof header === 'string' ? value.exec(header) : null;
  const id = found?.[1];
  if (id === undefined || (removes && !installations.get(id))) return;
  let stop = (): void => undefined;
  const removed = new Promise<void>((resolve) => {
    stop = installations.onChange((changed, now) => {
      if (changed === id && !now) resolve();
    });
  });
  await Promise.race([removed, installations.waitFor(id, Number(found?.[2]), longestMs)]);
  stop();
}
