import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, closeSync, existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheDir } from './cache.js';
import { until } from './until.js';

const run = promisify(execFile);
const version = '1.7.0';
const program = () => join(cacheDir(`versitygw-${version}`), 'versitygw');

/** A real S3 server over a folder. */
export interface S3Server {
  endpoint: string;
  bucket: string;
  accessKey: string;
  secretKey: string;
  region: string;
  pid: number;
  /** Resolves when it has ended, asked or not. */
  exited: Promise<unknown>;
  close(): Promise<void>;
}

/** Can it run here? Otherwise what to install. */
export async function s3Available(): Promise<{ ok: true } | { ok: false; reason: string }> {
  if (existsSync(program())) return { ok: true };
  return run('go', ['version']).then(
    () => ({ ok: true }) as const,
    () => ({
      ok: false,
      reason: 'S3 needs the versitygw server, which go builds: install it (Debian: apt-get install golang)',
    }),
  );
}

/** Starts versitygw on a free port; the first time on a machine it is built, which takes a minute or two. */
export async function startS3(o: { dir: string; bucket?: string; port?: number }): Promise<S3Server> {
  await build();
  const bucket = o.bucket ?? 'packages';
  await mkdir(join(o.dir, 'data', bucket), { recursive: true });
  await mkdir(join(o.dir, 'sidecar'), { recursive: true });
  const port = o.port ?? (await freePort());
  const endpoint = `http://127.0.0.1:${port}`;
  const [accessKey, secretKey] = ['mortise', 'mortise-secret'];
  const common = ['--port', `127.0.0.1:${port}`, '--access', accessKey, '--secret', secretKey, 'posix'];
  // It keeps metadata in extended attributes and ends at once where the file system has none.
  const server =
    (await launch(endpoint, o.dir, [...common, join(o.dir, 'data')])) ??
    (await launch(endpoint, o.dir, [...common, '--sidecar', join(o.dir, 'sidecar'), join(o.dir, 'data')]));
  if (!server)
    throw new Error(
      `versitygw did not come up: ${(await readFile(join(o.dir, 's3.log'), 'utf8')).slice(-500)}`,
    );
  return { endpoint, bucket, accessKey, secretKey, region: 'us-east-1', ...server };
}

/** undefined: it has ended, its log says why. */
async function launch(
  endpoint: string,
  dir: string,
  args: string[],
): Promise<Pick<S3Server, 'pid' | 'exited' | 'close'> | undefined> {
  const log = openSync(join(dir, 's3.log'), 'a');
  const child = spawn(program(), args, { stdio: ['ignore', log, log], detached: true });
  closeSync(log);
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const exited = once(child, 'exit').catch(() => {});
  const ended = () => child.exitCode !== null || child.signalCode !== null;
  await until(async () => ended() || (await fetch(endpoint)).status < 500, 'S3 answers', 30_000).catch(kill);
  const close = async () => {
    kill();
    await exited;
    process.off('exit', kill);
  };
  if (!ended() && child.pid !== undefined) return { pid: child.pid, exited, close };
  await close();
  return undefined;
}

async function build(): Promise<void> {
  if (existsSync(program())) return;
  const draft = cacheDir(`versitygw-${version}.new-${process.pid}`);
  await mkdir(draft, { recursive: true });
  try {
    const source = `github.com/versity/versitygw/cmd/versitygw@v${version}`;
    await run('env', [`GOBIN=${draft}`, 'go', 'install', source], { maxBuffer: 64 * 1_048_576 });
    await mkdir(cacheDir(`versitygw-${version}`), { recursive: true });
    await rename(join(draft, 'versitygw'), program());
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
