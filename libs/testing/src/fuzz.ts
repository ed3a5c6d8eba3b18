import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDir } from './cache.js';
import { mutate } from './mutate.js';
import { Random } from './random.js';

export interface Fuzzing {
  /** Of the target; findings are kept under it. */
  name: string;
  /** Folder of inputs to begin with: each is tried as it is, then changed over and over. */
  corpus: string;
  /** Throws when a promise is broken. */
  target: (input: Buffer, random: Random) => void | Promise<void>;
  /** Changed inputs to try when no duration is set. */
  tries: number;
}

/**
 * Feeds a target what it does not expect. `SEED=` repeats a run, `DURATION_S=` lets it go on for so long.
 * @throws Error that says which input, kept as a file, broke which promise: put that file into the corpus
 * @returns how many inputs were tried
 */
export async function fuzz({ name, corpus, target, tries }: Fuzzing): Promise<number> {
  const seed = Number(process.env.SEED ?? 20_261_121);
  const durationMs = Number(process.env.DURATION_S ?? 0) * 1_000;
  const random = new Random(seed);
  const seeds = readdirSync(corpus)
    .sort()
    .map((file) => readFileSync(join(corpus, file)));
  let tried = 0;
  const attempt = async (input: Buffer, chance: Random) => {
    tried++;
    try {
      await target(input, chance);
    } catch (error) {
      throw new Error(`${name} failed at input ${tried} of seed ${seed}: ${keep(name, input)}`, {
        cause: error,
      });
    }
  };

  for (const input of seeds) await attempt(input, new Random(seed));
  const until = performance.now() + durationMs;
  while (durationMs > 0 ? performance.now() < until : tried < tries + seeds.length) {
    await attempt(mutate(seeds, random), random);
  }
  return tried;
}

function keep(name: string, input: Buffer): string {
  const folder = join(cacheDir('fuzz'), name);
  mkdirSync(folder, { recursive: true });
  const path = join(folder, createHash('sha256').update(input).digest('hex').slice(0, 16));
  writeFileSync(path, input);
  return path;
}
