import { setTimeout as delay } from 'node:timers/promises';

const retryMs = 1_000;

/** Something with an address that does not change, which can be started again. */
interface Server {
  exited: Promise<unknown>;
  close(): Promise<void>;
}

/** Starts a server, and again each time it ends unasked, until it is closed. */
export async function keep<T extends Server>(
  name: string,
  start: () => Promise<T>,
  onReady: (server: T) => Promise<void>,
): Promise<{ first: T; close: () => Promise<void> }> {
  const first = await start();
  await onReady(first);
  let current = first;
  let closing = false;
  const watching = (async () => {
    for (;;) {
      await current.exited;
      if (closing) return;
      console.log(`${name} has ended: starting it again`);
      await current.close();
      const again = await start().catch((error: unknown) => console.error(`${name} did not start`, error));
      if (again) current = again;
      else await delay(retryMs);
      if (closing) return;
      if (again) await onReady(again);
    }
  })();
  return {
    first,
    close: async () => {
      closing = true;
      await current.close();
      await watching;
      await current.close();
    },
  };
}
