import { readFile, readdir } from 'node:fs/promises';
import type { Fault } from '../fault.ts';
import { executors } from '../scene.ts';

const childrenOf = async (pid: number): Promise<number[]> => {
  const tasks = await readdir(`/proc/${pid}/task`).catch(() => []);
  const lists = await Promise.all(
    tasks.map((task) => readFile(`/proc/${pid}/task/${task}/children`, 'utf8').catch(() => '')),
  );
  return lists.flatMap((list) => list.split(' ').filter(Boolean).map(Number));
};

/** The innermost processes: a worker may be wrapped in others. */
async function leavesOf(pid: number): Promise<number[]> {
  const children = await childrenOf(pid);
  const below = await Promise.all(children.map(leavesOf));
  return children.flatMap((child, index) => (below[index]?.length ? below[index] : [child]));
}

/** kill -9 of a process that holds isolates, by pid: nothing waits for it, its executor starts another. */
export const killWorker: Fault = {
  name: 'kill -9 sandbox worker',
  stops: true,
  aim: async (_scene, random) => random.pick(executors),
  strike: async ({ pidOf }, executor, random) => {
    const workers = await leavesOf(await pidOf(executor));
    for (const worker of random.shuffle(workers).slice(0, 2)) {
      try {
        process.kill(worker, 'SIGKILL');
      } catch {
        // It retired in between.
      }
    }
    return `${Math.min(workers.length, 2)} of ${workers.length} workers`;
  },
};
