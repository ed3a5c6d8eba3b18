import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { endianness, setPriority, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { limitTable } from '@mortise/contracts';
import { nativeBinary } from './native-binary.js';
import type { SandboxOptions, Walls } from './types.js';

const folderPrefix = 'mortise-sandbox-';
const heapMb = 96;
const wasmPages = 1_024;
const workerNice = 5;

/** How workers are started on this machine: found out once, then the same for all. */
export interface Launcher {
  walls: Walls;
  /** Folder for the files in which workers mark what they do. */
  marks: string;
  /** @param mark descriptor of the file in which the worker says which run is inside */
  spawn(mark: number): ChildProcess;
  /** To call when a worker has spoken: the pid of node itself, which under bubblewrap is a child of what was spawned. */
  started(spawned: number): number;
  close(): void;
}

/** @throws Error when `require` walls do not work here */
export function createLauncher(mode: SandboxOptions['walls']): Launcher {
  if (endianness() !== 'LE') throw new Error('The sandbox runs on little-endian machines only');
  sweepLeftovers();
  const home = mkdtempSync(join(tmpdir(), `${folderPrefix}${process.pid}-`));
  const empty = join(home, 'empty');
  mkdirSync(empty, { mode: 0o555 });
  const code = codeFolder(home);
  const binary = nativeBinary();
  const node = [
    '--no-node-snapshot',
    '--disable-proto=delete',
    '--permission',
    '--allow-addons',
    `--allow-fs-read=${code}/*`,
    `--allow-fs-read=${binary}`,
    `--max-old-space-size=${heapMb}`,
    `--wasm-max-mem-pages=${wasmPages}`,
    '--disable-warning=SecurityWarning',
    join(code, 'main.js'),
    binary,
    String(limitTable.memoryMb.default),
  ];
  const bwrap = [
    ...[
      '--unshare-all',
      '--die-with-parent',
      '--as-pid-1',
      '--clearenv',
      '--cap-drop',
      'ALL',
      '--new-session',
    ],
    ...['/usr', '/lib', '/lib64', '/bin'].flatMap((path) => ['--ro-bind-try', path, path]),
    ...[process.execPath, binary, code, empty].flatMap((path) => ['--ro-bind', path, path]),
    ...['--proc', '/proc', '--dev', '/dev', '--chdir', empty, '--'],
  ];
  const setpriv = [
    '--pdeathsig',
    'KILL',
    '--no-new-privs',
    ...(process.getuid?.() === 0 ? dropCapabilities : []),
    '--',
  ];

  const works = (command: string, args: string[]) =>
    spawnSync(pathOf(command), [...args, process.execPath, '--version'], { env: {}, timeout: 10_000 })
      .status === 0;
  const namespaces = mode !== 'off' && works('bwrap', bwrap);
  if (mode === 'require' && !namespaces) {
    rmSync(home, { recursive: true, force: true });
    throw new Error(
      'Walls are required but bubblewrap does not work here: install bwrap or allow user namespaces',
    );
  }
  const dropping = !namespaces && works('setpriv', setpriv);
  const [command, args] = namespaces
    ? ['bwrap', [...bwrap, process.execPath, ...node]]
    : dropping
      ? ['setpriv', [...setpriv, process.execPath, ...node]]
      : [process.execPath, node];

  return {
    walls: {
      namespaces,
      parentDeathSignal: namespaces || dropping,
      noNewPrivileges: namespaces || dropping,
      nodePermissions: true,
    },
    marks: home,
    spawn(mark) {
      return spawn(pathOf(command), args, {
        env: {},
        cwd: empty,
        stdio: ['ignore', 'ignore', 'ignore', 'pipe', mark],
      });
    },
    started(spawned) {
      const pid = namespaces ? (onlyChildOf(spawned) ?? spawned) : spawned;
      // A busy worker must not take the processor from the supervisor that watches it.
      setPriority(pid, workerNice);
      return pid;
    },
    close: () => rmSync(home, { recursive: true, force: true }),
  };
}

/** With an empty environment there is no PATH to find a command by. */
function pathOf(command: string): string {
  if (command.startsWith('/')) return command;
  return (
    ['/usr/bin', '/bin', '/usr/local/bin'].map((folder) => join(folder, command)).find(existsSync) ?? command
  );
}

const dropCapabilities = ['--bounding-set=-all', '--inh-caps=-all'];

function onlyChildOf(pid: number): number | undefined {
  try {
    const first = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ')[0];
    return first ? Number(first) : undefined;
  } catch {
    return undefined;
  }
}

/** The folder with the worker's own few files; run from sources they are stripped of their types first. */
function codeFolder(home: string): string {
  const beside = join(dirname(fileURLToPath(import.meta.url)), 'child');
  if (import.meta.url.endsWith('.js')) return beside;
  const target = join(home, 'code');
  mkdirSync(join(target, 'prelude'), { recursive: true });
  writeFileSync(join(target, 'package.json'), '{"type":"module"}');
  for (const entry of readdirSync(beside, { recursive: true, encoding: 'utf8' })) {
    if (entry.endsWith('.spec.ts') || !/\.[jt]s$/.test(entry)) continue;
    const text = readFileSync(join(beside, entry), 'utf8');
    writeFileSync(
      join(target, entry.replace(/\.ts$/, '.js')),
      entry.endsWith('.ts') ? stripTypeScriptTypes(text) : text,
    );
  }
  return target;
}

/** Folders of supervisors that were killed. */
function sweepLeftovers(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = Number(new RegExp(`^${folderPrefix}(\\d+)-`).exec(name)?.[1]);
    if (!pid || isAlive(pid)) continue;
    rmSync(join(tmpdir(), name), { recursive: true, force: true });
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
