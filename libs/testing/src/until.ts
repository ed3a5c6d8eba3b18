import { setTimeout as delay } from 'node:timers/promises';

/**
 * Waits until something holds; the only way a test waits.
 * @param condition returns what the test goes on with; anything falsy or a throw means: not yet
 * @param what ends the sentence "never happened: ..."
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  what: string,
  timeoutMs = 10_000,
): Promise<Exclude<T, false | null | undefined | 0 | ''>> {
  const deadline = performance.now() + timeoutMs;
  let last: unknown;
  for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, 50)) {
    try {
      const value = await condition();
      if (value) return value as Exclude<T, false | null | undefined | 0 | ''>;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline)
      throw new Error(`Never happened within ${timeoutMs} ms: ${what}`, { cause: last });
    await delay(pauseMs);
  }
}
