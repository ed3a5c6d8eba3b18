import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { endianness, tmpdir } from 'node:os';
import { join } from 'node:path';
import { limitTable } from '@mortise/contracts';
import { pageBytes } from './child/wasm-binary.js';
import { nativeBinary } from './native-binary.js';
import { lowerPriority, workerNice } from './priority.js';
import { seccompFilter } from './seccomp.js';
import type { SandboxOptions, Walls } from './types.js';
import { filterFd, forms, pathOf, type Form } from './walls.js';
import { codeFolder, folderPrefix, sweepLeftovers } from './worker-code.js';

const heapMb = 96;
/** Of a WebAssembly memory: what the largest plugin may have; each has its own maximum below that. */
const wasmPages = (limitTable.memoryMb.operatorMax * 1_048_576) / pageBytes;
const wasmTableEntries = 100_000;
/** Users of workers, one each, so that none may signal or trace another: the range that systemd keeps for such. */
const firstUser = 61_184;
const users = 4_336;

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

export type LauncherOptions = Pick<SandboxOptions, 'walls' | 'jitless'> & {
  /** For tests: of the forms that the mode allows, those to be tried. */
  only?: (form: Form) => boolean;
};

/** @throws Error when `require` walls do not work here */
export function createLauncher({
  walls: mode,
  jitless = false,
  only = () => true,
}: LauncherOptions): Launcher {
  if (endianness() !== 'LE') throw new Error('The sandbox runs on little-endian machines only');
  sweepLeftovers();
  const home = mkdtempSync(join(tmpdir(), `${folderPrefix}${process.pid}-`));
  // Workers of users of their own pass through it; what is in it has names they cannot list.
  chmodSync(home, 0o711);
  const empty = join(home, 'empty');
  mkdirSync(empty, { mode: 0o555 });
  const code = codeFolder(home);
  const binary = nativeBinary();
  const filter = seccompFilter();
  const filterFile = join(home, 'filter');
  if (filter) writeFileSync(filterFile, filter);
  const readable = [process.execPath, binary, code];
  let count = 0;
  const user = (form: Form) => {
    if (!form.walls.ownUser) return {};
    const id = firstUser + (count++ % users);
    return { uid: id, gid: id };
  };
  /** A filter is read to its end by each that is given it. */
  const withFilter = <T>(form: Form, use: (fds: number[]) => T): T => {
    if (!form.walls.seccomp) return use([]);
    const fd = openSync(filterFile, 'r');
    try {
      return use([fd]);
    } finally {
      closeSync(fd);
    }
  };
  const files = JSON.stringify([binary, join(code, 'main.js')]);
  const check = `for (const file of ${files}) fs.closeSync(fs.openSync(file))`;
  const works = (form: Form) =>
    withFilter(form, (fds) => {
      const [command = '', ...args] = [...form.command, process.execPath, '-e', check];
      const stdio = [...Array.from({ length: filterFd }, () => 'ignore' as const), ...fds];
      const options = { env: {}, cwd: empty, timeout: 10_000, stdio, ...user(form) };
      return spawnSync(pathOf(command), args, options).status === 0;
    });
  const chosen = forms(mode, { readable, empty, filter: filter !== undefined })
    .filter(only)
    .find(works);
  if (!chosen) {
    rmSync(home, { recursive: true, force: true });
    throw new Error(
      mode === 'require'
        ? 'Walls are required but bubblewrap does not work here: install bwrap or allow user namespaces'
        : 'No worker of the sandbox can be started here',
    );
  }
  const node = [
    '--no-node-snapshot',
    '--disable-proto=delete',
    ...(jitless ? ['--jitless'] : []),
    '--permission',
    '--allow-addons',
    `--allow-fs-read=${code}/*`,
    `--allow-fs-read=${binary}`,
    `--max-old-space-size=${heapMb}`,
    `--wasm-max-mem-pages=${wasmPages}`,
    `--wasm-max-table-size=${wasmTableEntries}`,
    // The optimizing compiler works on threads that no deadline stops: one hostile function kept it busy for 25 s.
    '--liftoff-only',
    '--disable-warning=SecurityWarning',
    join(code, 'main.js'),
    binary,
    String(limitTable.memoryMb.default),
  ];
  const [command = '', ...args] = [...chosen.command, process.execPath, ...node];

  return {
    walls: { ...chosen.walls, nodePermissions: true, jitless },
    marks: home,
    spawn(mark) {
      const child = withFilter(chosen, (fds) =>
        spawn(pathOf(command), args, {
          env: {},
          cwd: empty,
          stdio: ['ignore', 'ignore', 'ignore', 'pipe', mark, ...fds],
          ...user(chosen),
        }),
      );
      // Starting takes as much of the processor as many runs, and who makes workers die makes them start.
      if (child.pid !== undefined) lowerPriority(child.pid, workerNice);
      return child;
    },
    started(spawned) {
      const pid = chosen.walls.tool === 'bubblewrap' ? (onlyChildOf(spawned) ?? spawned) : spawned;
      lowerPriority(pid, workerNice);
      return pid;
    },
    close: () => rmSync(home, { recursive: true, force: true }),
  };
}

function onlyChildOf(pid: number): number | undefined {
  try {
    const first = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ')[0];
    return first ? Number(first) : undefined;
  } catch {
    return undefined;
  }
}
