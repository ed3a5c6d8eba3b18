import { constants } from 'node:fs';
import { access, chown, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { EmbeddedPostgresError } from './failure.js';

/** Who runs PostgreSQL: this process's user, or another one when that is root, which PostgreSQL refuses. */
export interface RunAs {
  /** undefined: this process's own. */
  user: { uid: number; gid: number } | undefined;
  /** What goes before the command when the other user could not reach the files by itself. */
  prefix: string[];
}

const preferred = ['postgres', 'nobody'];

async function usersByName(): Promise<Map<string, { uid: number; gid: number }>> {
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
  return new Map(
    lines
      .filter((fields) => fields.length >= 4)
      .map(([name, , uid, gid]) => [name as string, { uid: Number(uid), gid: Number(gid) }]),
  );
}

/** May someone who is neither owner nor in the group walk down to this path? */
async function reachable(path: string, uid: number): Promise<boolean> {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const { mode, uid: owner } = await stat(folder);
    if ((mode & (owner === uid ? 0o100 : 0o001)) === 0) return false;
    if (folder === dirname(folder)) return true;
  }
}

const exists = (path: string) =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  );

/**
 * @param dataDir an existing one keeps its owner
 * @param paths what the user has to reach
 */
export async function chooseUser(dataDir: string, paths: string[]): Promise<RunAs> {
  if (process.getuid?.() !== 0) return { user: undefined, prefix: [] };
  const users = await usersByName();
  const owner = await stat(dataDir).catch(() => undefined);
  const name = preferred.find((candidate) => users.has(candidate));
  const user =
    owner && owner.uid !== 0
      ? { uid: owner.uid, gid: owner.gid }
      : name === undefined
        ? undefined
        : users.get(name);
  if (!user)
    throw new EmbeddedPostgresError(
      'PostgreSQL refuses to run as root and there is no user "postgres" or "nobody" to run it as: start as another user',
    );
  const hidden = [];
  for (const path of paths) if (!(await reachable(path, user.uid))) hidden.push(path);
  if (hidden.length === 0) return { user, prefix: [] };

  // A checkout under /root: the other user gets the one capability that lets it pass closed folders on the way.
  const setpriv = ['/usr/bin/setpriv', '/bin/setpriv'];
  for (const program of setpriv) {
    if (!(await exists(program))) continue;
    const pass = '+dac_override';
    return {
      user,
      prefix: [
        program,
        `--reuid=${user.uid}`,
        `--regid=${user.gid}`,
        '--clear-groups',
        `--inh-caps=${pass}`,
        `--ambient-caps=${pass}`,
      ],
    };
  }
  throw new EmbeddedPostgresError(
    `PostgreSQL refuses to run as root and its user cannot reach ${hidden[0]}: start as another user, or move the folder out of a closed one`,
  );
}

/** Gives a folder to the user that runs PostgreSQL. */
export async function giveTo({ user }: RunAs, path: string): Promise<void> {
  if (user) await chown(path, user.uid, user.gid);
}
