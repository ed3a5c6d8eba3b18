import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { SandboxOptions, Walls } from './types.js';

/** One way to close a worker in. */
export interface Form {
  walls: Pick<Walls, 'tool' | 'namespaces' | 'seccomp' | 'ownUser' | 'parentDeathSignal' | 'noNewPrivileges'>;
  /** What is put before node and its arguments. */
  command: readonly string[];
}

export interface FormParts {
  /** Files and folders that a worker reads, and node. */
  readable: readonly string[];
  /** Where it stands. */
  empty: string;
  /** Can a filter of system calls be handed over, on `filterFd`? */
  filter: boolean;
}

/** The descriptor on which bubblewrap finds the filter of system calls; before it: the socket and the mark. */
export const filterFd = 5;

const systemFolders = ['/usr', '/lib', '/lib64', '/bin'];
const dropCapabilities = ['--bounding-set=-all', '--inh-caps=-all'];

/** The ways that the mode allows, the tightest first; which of them work here is found out by trying. */
export function forms(mode: SandboxOptions['walls'], parts: FormParts): Form[] {
  const isRoot = process.getuid?.() === 0;
  const all: Form[] = [];
  const add = (ownUser: boolean) => {
    const closed = { namespaces: true, ownUser, parentDeathSignal: true, noNewPrivileges: true };
    const setpriv = ['setpriv', '--pdeathsig', 'KILL', '--no-new-privs'];
    if (mode !== 'off') {
      if (parts.filter) all.push(bubblewrap(parts, ownUser, true));
      all.push(bubblewrap(parts, ownUser, false));
    }
    if (mode === 'require') return;
    if (mode === 'prefer') {
      const unshare = ['unshare', '--user', '--net', '--ipc', '--uts', '--', ...setpriv, '--'];
      all.push({ walls: { ...closed, tool: 'unshare', seccomp: false }, command: unshare });
    }
    const drop = isRoot && !ownUser ? dropCapabilities : [];
    const bare = { ...closed, namespaces: false, seccomp: false };
    all.push({ walls: { ...bare, tool: 'setpriv' }, command: [...setpriv, ...drop, '--'] });
    const nothing = { ...bare, tool: 'none' as const, parentDeathSignal: false, noNewPrivileges: false };
    all.push({ walls: nothing, command: [] });
  };
  if (isRoot) add(true);
  add(false);
  // A better tool without a user of its own is worth more than a lesser one with it.
  return all.sort((a, b) => rankOf(a) - rankOf(b));
}

const tools = ['bubblewrap', 'unshare', 'setpriv', 'none'] as const;
const rankOf = ({ walls }: Form): number =>
  tools.indexOf(walls.tool) * 4 + (walls.seccomp ? 0 : 2) + (walls.ownUser ? 0 : 1);

function bubblewrap({ readable, empty }: FormParts, ownUser: boolean, seccomp: boolean): Form {
  return {
    walls: {
      tool: 'bubblewrap',
      namespaces: true,
      seccomp,
      ownUser,
      parentDeathSignal: true,
      noNewPrivileges: true,
    },
    command: [
      ...['bwrap', '--unshare-all', '--die-with-parent', '--as-pid-1', '--clearenv'],
      ...['--cap-drop', 'ALL', '--new-session'],
      ...(seccomp ? ['--seccomp', String(filterFd)] : []),
      ...systemFolders.flatMap((path) => ['--ro-bind-try', path, path]),
      ...[...readable, empty].flatMap((path) => ['--ro-bind', path, path]),
      ...['--proc', '/proc', '--dev', '/dev', '--chdir', empty, '--'],
    ],
  };
}

/** With an empty environment there is no PATH to find a command by. */
export function pathOf(command: string): string {
  if (command.startsWith('/')) return command;
  return (
    ['/usr/bin', '/bin', '/usr/local/bin'].map((folder) => join(folder, command)).find(existsSync) ?? command
  );
}
