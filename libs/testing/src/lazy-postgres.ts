import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '@mortise/database';

const folderName = /^mortise-test-(\d+)-/;

/** The throw-away PostgreSQL of a test run: it starts when the first test asks for it. */
export class LazyPostgres {
  private starting: Promise<EmbeddedPostgres> | undefined;
  private dir: string | undefined;
  private readonly server = createServer((_request, response) => {
    this.started().then(
      ({ url }) => response.end(url),
      (error: unknown) => response.writeHead(500).end(error instanceof Error ? error.message : String(error)),
    );
  });

  /** @returns where to ask for it: the answer's text is the URL of the database */
  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    this.server.unref();
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/`;
  }

  async close(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
    const postgres = await this.starting?.catch(() => undefined);
    await postgres?.close();
    if (this.dir !== undefined) await rm(this.dir, { recursive: true, force: true });
  }

  private started(): Promise<EmbeddedPostgres> {
    this.starting ??= (async () => {
      await sweep();
      this.dir = await mkdtemp(join(tmpdir(), `mortise-test-${process.pid}-`));
      return startEmbeddedPostgres({ dataDir: join(this.dir, 'postgres'), durable: false });
    })();
    return this.starting;
  }
}

/** Removes what a killed run has left. */
async function sweep(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const [, pid] = folderName.exec(name) ?? [];
    if (pid !== undefined && !isAlive(Number(pid)))
      await rm(join(tmpdir(), name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
