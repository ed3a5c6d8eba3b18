import type { Reading } from './kernel.ts';

export const percentile = (values: readonly number[], part: number): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
};

export interface Outcome {
  quietMs: readonly number[];
  stormMs: readonly number[];
  /** Taken at rest, one after each pair of windows. */
  readings: readonly Reading[];
  wrong: readonly string[];
  late: readonly string[];
  alive: boolean;
}

const p99Times = 1.3;
/** Below this a ratio says nothing: one turn of the scheduler. */
const p99FloorMs = 5;
const rssTimes = 1.2;
const rssSlackMb = 32;
const descriptorSlack = 16;
const workersMax = 64;

/** Which promises were broken, as sentences. */
export function judge({ quietMs, stormMs, readings, wrong, late, alive }: Outcome): string[] {
  const broken: string[] = [];
  const say = (holds: boolean, what: string) => {
    if (!holds) broken.push(what);
  };
  const [quiet, storm] = [percentile(quietMs, 0.99), percentile(stormMs, 0.99)];
  say(alive, 'the platform has ended');
  say(wrong.length === 0, `${wrong.length} good calls failed, such as: ${wrong[0]}`);
  say(
    late.length === 0,
    `${late.length} hostile calls were answered late or not at all, such as: ${late[0]}`,
  );
  say(
    storm <= Math.max(quiet * p99Times, p99FloorMs),
    `p99 of good calls ${storm.toFixed(1)} ms beside hostile neighbours, ${quiet.toFixed(1)} ms beside harmless ones: over ${p99Times}x`,
  );

  // What is warm and cached grows at first: the first quarter is not compared.
  const settled = readings.slice(Math.ceil(readings.length / 4));
  const half = Math.ceil(settled.length / 2);
  const [before, after] = [settled.slice(0, half), settled.slice(half)];
  if (after.length > 0) {
    const most = (of: readonly Reading[], key: keyof Reading) =>
      Math.max(...of.map((reading) => reading[key]));
    const grew = (key: 'rssMb' | 'workersMb') => most(after, key) > most(before, key) * rssTimes + rssSlackMb;
    const from = (key: keyof Reading) =>
      `from ${Math.round(most(before, key))} to ${Math.round(most(after, key))}`;
    say(!grew('rssMb'), `RSS of the platform grows: ${from('rssMb')} MB`);
    say(!grew('workersMb'), `RSS of the workers grows: ${from('workersMb')} MB`);
    say(
      most(after, 'descriptors') <= most(before, 'descriptors') + descriptorSlack,
      `descriptors leak: ${from('descriptors')}`,
    );
    say(most(after, 'workers') <= workersMax, `${most(after, 'workers')} workers`);
    say(Math.min(...after.map(({ zombies }) => zombies)) === 0, 'ended processes are not looked after');
  }
  return broken;
}
