import { readdirSync, readFileSync } from 'node:fs';

const pageBytes = 4_096;
const megabyte = 1_048_576;

/** What the kernel says of the platform at one moment. */
export interface Reading {
  rssMb: number;
  /** Open descriptors of the platform's own process. */
  descriptors: number;
  /** Sandbox workers. */
  workers: number;
  workersMb: number;
  /** Processes below the platform that have ended and that nobody has looked after. */
  zombies: number;
}

export function look(pid: number): Reading {
  const below = descendants(pid);
  // Under bubblewrap each has a process before it, with the same command in its own.
  const workers = below.filter(
    (each) =>
      read(`/proc/${each}/cmdline`).includes('isolated-vm') &&
      !read(`/proc/${each}/comm`).startsWith('bwrap'),
  );
  return {
    rssMb: rssMb(pid),
    descriptors: list(`/proc/${pid}/fd`).length,
    workers: workers.length,
    workersMb: workers.reduce((sum, each) => sum + rssMb(each), 0),
    zombies: below.filter((each) => / Z /.test(read(`/proc/${each}/stat`))).length,
  };
}

const rssMb = (pid: number): number =>
  (Number(read(`/proc/${pid}/statm`).split(' ')[1] ?? 0) * pageBytes) / megabyte;

function descendants(pid: number): number[] {
  const children = list(`/proc/${pid}/task`).flatMap((task) =>
    read(`/proc/${pid}/task/${task}/children`).split(' ').filter(Boolean).map(Number),
  );
  return children.flatMap((child) => [child, ...descendants(child)]);
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // The process has just ended.
    return '';
  }
}
