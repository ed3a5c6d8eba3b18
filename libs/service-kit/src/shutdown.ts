import type { ServiceName } from '@mortise/contracts';
import { EnvError, loadEnv, type EnvFields, type EnvOf, type EnvSpec } from './env/load.js';

/** A service that runs: as its own process, or beside the others in one. */
export interface RunningService {
  name: ServiceName;
  /** Base URL of its HTTP server. */
  url: string;
  /** Takes nothing new, finishes what is in flight within the grace, closes everything. */
  close(graceMs?: number): Promise<void>;
}

/** Closes things in the reverse order of their opening; one that fails does not keep the others open. */
export class Closers {
  private readonly list: { name: string; close: () => Promise<void> | void }[] = [];
  private closing?: Promise<void>;

  add(name: string, close: () => Promise<void> | void): void {
    this.list.push({ name, close });
  }

  /** @param onError told of each thing that did not close */
  closeAll(onError: (name: string, error: unknown) => void = () => {}): Promise<void> {
    this.closing ??= (async () => {
      for (const { name, close } of this.list.reverse()) {
        try {
          await close();
        } catch (error) {
          onError(name, error);
        }
      }
    })();
    return this.closing;
  }
}

/** Ends the process with one sentence a person can act on. */
export function fail(error: unknown): never {
  const text = error instanceof Error ? error.message : String(error);
  process.stderr.write(`${text}\n`);
  process.exit(1);
}

/** Calls `close` on SIGTERM and SIGINT, then ends the process; a second signal ends it at once. */
export function closeOnSignal(close: () => Promise<void>): void {
  let asked = false;
  const stop = () => {
    if (asked) process.exit(1);
    asked = true;
    close().then(() => process.exit(0), fail);
  };
  process.on('SIGTERM', stop).on('SIGINT', stop);
}

/** The body of every service's main.ts. */
export async function runService<F extends EnvFields>(
  spec: EnvSpec<F>,
  start: (env: EnvOf<EnvSpec<F>>) => Promise<RunningService>,
): Promise<void> {
  if (process.versions.modules !== '137')
    fail(
      `Mortise needs Node 24 and this is ${process.version}: start it through npm scripts or with Node 24`,
    );
  try {
    const starting = start(loadEnv(spec));
    closeOnSignal(async () => (await starting).close());
    await starting;
  } catch (error) {
    fail(
      error instanceof EnvError
        ? error
        : new Error(`${error instanceof Error ? error.message : String(error)}`),
    );
  }
}
